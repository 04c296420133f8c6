// Two calls that do the same to different rows become one call on the rows of both: the critic on real, generated and
// interpolated samples is one product a layer, forward and backward. Rows must lie one behind the other; where they do
// not yet, their buffers become one.
#include "engine/recording/rewrite.h"
#include "engine/recording/rewrites/adjacent.h"

#include <algorithm>
#include <map>
#include <optional>
#include <typeindex>

namespace kantor {
namespace {

/// What may stand first: the rows of the earlier call, or of the later one.
struct Orders {
  bool earlier_first = true, later_first = true;
  bool decided = false;  // by rows that share a buffer

  [[nodiscard]] bool possible() const { return earlier_first || later_first; }
  void need(const Operand& earlier, const Operand& later) {
    decided = decided || earlier.buffer == later.buffer;
    earlier_first = earlier_first && (adjacent(earlier, later) || joinable(earlier, later));
    later_first = later_first && (adjacent(later, earlier) || joinable(later, earlier));
  }
};

bool same_but_rows(const Operand& a, const Operand& b) {
  const Shape &x = a.spec.shape, &y = b.spec.shape;
  return a.spec.dtype == b.spec.dtype && x.rank() == y.rank() && x.rank() > 0 && x.size() > 0 && y.size() > 0 &&
         x.with(0, 1) == y.with(0, 1);
}

std::vector<TensorSpec> specs_of(const std::vector<Operand>& operands) {
  std::vector<TensorSpec> specs;
  for (const Operand& operand : operands) specs.push_back(operand.spec);
  return specs;
}

class RowJoiner {
 public:
  explicit RowJoiner(Recording& recording) : recording_(recording) {}

  /// Pairs whose rows lie together already come first: they decide the order of the rows for those that do not.
  void run() {
    while (join_some(true) || join_some(false)) {
    }
  }

 private:
  bool join_some(bool decided) {
    std::map<std::type_index, std::vector<size_t>> by_type;
    for (size_t j = 0; j < recording_.calls.size(); ++j) {
      const RecordedCall& later = recording_.calls[j];
      if (later.op->reads_outputs() || later.op->rows(specs_of(later.inputs)).use != Rows::Use::each) continue;
      const Op& op = *later.op;
      std::vector<size_t>& earlier = by_type[typeid(op)];
      for (const size_t i : earlier) {
        if (try_join(i, j, decided)) return true;
      }
      earlier.push_back(j);
    }
    return false;
  }

  bool try_join(size_t i, size_t j, bool decided) {
    const std::optional<Orders> orders = orders_of(recording_.calls[i], recording_.calls[j]);
    if (!orders || !orders->possible() || orders->decided != decided) return false;
    if (!decided && !shares_operand(recording_.calls[j])) return false;
    const std::vector<bool> after = dependents(i, j);
    if (after.empty() || !make_adjacent(i, j, orders->earlier_first)) return false;
    replace(i, j, orders->earlier_first, after);
    return true;
  }

  static bool shares_operand(const RecordedCall& call) {
    const std::vector<bool> split = call.op->rows(specs_of(call.inputs)).split;
    return std::find(split.begin(), split.end(), false) != split.end();
  }

  /// None where the calls differ in more than their rows.
  [[nodiscard]] static std::optional<Orders> orders_of(const RecordedCall& earlier, const RecordedCall& later) {
    if (earlier.inputs.size() != later.inputs.size() || earlier.outputs.size() != later.outputs.size()) return {};
    if (!earlier.op->same_as(*later.op)) return {};
    const std::vector<bool> split = later.op->rows(specs_of(later.inputs)).split;
    if (split != earlier.op->rows(specs_of(earlier.inputs)).split) return {};
    Orders orders;
    for (size_t k = 0; k < split.size(); ++k) {
      const Operand &a = earlier.inputs[k], &b = later.inputs[k];
      if (!split[k]) {
        if (!a.same_bytes(b) || a.spec.shape != b.spec.shape) return {};
      } else if (same_but_rows(a, b)) {
        orders.need(a, b);
      } else {
        return {};
      }
    }
    for (size_t k = 0; k < later.outputs.size(); ++k) {
      if (!same_but_rows(earlier.outputs[k], later.outputs[k])) return {};
      orders.need(earlier.outputs[k], later.outputs[k]);
    }
    return orders;
  }

  /// Of the calls between i and j, those that must come after call i, as marks from i + 1 on, and one for call j itself,
  /// false. Empty where call j is one of them: then the two cannot be one.
  [[nodiscard]] std::vector<bool> dependents(size_t i, size_t j) const {
    const std::vector<RecordedCall>& calls = recording_.calls;
    for (const Operand& input : calls[j].inputs) {  // most often a weight that was updated in between
      for (size_t k = i + 1; k < j; ++k) {
        if (calls[i].reads(input) && calls[k].writes(input)) return {};
      }
    }
    std::vector<bool> after(j - i);
    for (size_t k = i + 1; k <= j; ++k) {
      bool depends = depend(calls[i], calls[k]);
      for (size_t m = i + 1; m < k && !depends; ++m) depends = after[m - i - 1] && depend(calls[m], calls[k]);
      after[k - i - 1] = depends;
    }
    return after.back() ? std::vector<bool>{} : after;
  }

  /// What was joined before a pair fails stays joined; that is no harm.
  bool make_adjacent(size_t i, size_t j, bool earlier_first) {
    RecordedCall &earlier = recording_.calls[i], &later = recording_.calls[j];
    const std::vector<bool> split = later.op->rows(specs_of(later.inputs)).split;
    const auto ensure = [&](const Operand& a, const Operand& b) {
      const Operand &first = earlier_first ? a : b, &second = earlier_first ? b : a;
      if (!adjacent(first, second) && joinable(first, second)) join(recording_, first, second);
      return adjacent(first, second);
    };
    for (size_t k = 0; k < split.size(); ++k) {
      if (split[k] && !ensure(earlier.inputs[k], later.inputs[k])) return false;
    }
    for (size_t k = 0; k < later.outputs.size(); ++k) {
      if (!ensure(earlier.outputs[k], later.outputs[k])) return false;
    }
    return true;
  }

  /// One call in place of both, behind all that must come before either, and before all that must come after one.
  void replace(size_t i, size_t j, bool earlier_first, const std::vector<bool>& after) {
    std::vector<RecordedCall>& calls = recording_.calls;
    const RecordedCall &first = calls[earlier_first ? i : j], &second = calls[earlier_first ? j : i];
    const std::vector<bool> split = first.op->rows(specs_of(first.inputs)).split;
    RecordedCall both = first;
    for (size_t k = 0; k < split.size(); ++k) {
      if (split[k]) both.inputs[k] = rows_of_both(first.inputs[k], second.inputs[k]);
    }
    for (size_t k = 0; k < both.outputs.size(); ++k) {
      both.outputs[k] = rows_of_both(first.outputs[k], second.outputs[k]);
    }
    std::vector<RecordedCall> ordered;
    for (size_t k = i + 1; k < j; ++k) {
      if (!after[k - i - 1]) ordered.push_back(std::move(calls[k]));
    }
    ordered.push_back(std::move(both));
    for (size_t k = i + 1; k < j; ++k) {
      if (after[k - i - 1]) ordered.push_back(std::move(calls[k]));
    }
    std::move(ordered.begin(), ordered.end(), calls.begin() + static_cast<std::ptrdiff_t>(i));
    calls.erase(calls.begin() + static_cast<std::ptrdiff_t>(j));
  }

  Recording& recording_;
};

}  // namespace

void join_rows(Recording& recording) {
  RowJoiner(recording).run();
}

}  // namespace kantor
