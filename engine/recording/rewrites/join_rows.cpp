// Two calls that do the same to different rows become one call on the rows of both: the critic on real, generated and
// interpolated samples is one product a layer, forward and backward. Rows must lie one behind the other; where they do
// not yet, their buffers become one.
#include "engine/recording/rewrite.h"
#include "engine/recording/rewrites/adjacent.h"
#include "engine/recording/rewrites/order.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
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
  specs.reserve(operands.size());
  for (const Operand& operand : operands) specs.push_back(operand.spec);
  return specs;
}

/// What two calls must share to be a pair: an op's class, and in one role (an input or output) a buffer. A weight must
/// be the same value, in place and version; of rows it is enough that they lie in one buffer, where they may be
/// neighbours.
using Meeting = std::tuple<std::type_index, size_t, const Buffer*, size_t, uint64_t>;

class RowJoiner {
 public:
  explicit RowJoiner(Recording& recording) : recording_(recording) {}

  /// Pairs whose rows lie together already come first: they decide the order of the rows for those that do not.
  void run() {
    join_decided();
    while (join_undecided()) join_decided();
  }

 private:
  /// Joins all pairs of rows that share a buffer.
  void join_decided() {
    for (size_t j = 0; j < recording_.calls.size(); ++j) {
      while (const std::optional<size_t> joined = join_with_earlier(j, true)) j = *joined;
      enter(j, true);
    }
    places_.clear();
  }
  /// Joins one pair that shares a weight.
  bool join_undecided() {
    bool joined = false;
    for (size_t j = 0; j < recording_.calls.size() && !joined; ++j) {
      joined = join_with_earlier(j, false).has_value();
      enter(j, false);
    }
    places_.clear();
    return joined;
  }

  /// Calls fn with each Meeting of a call that treats its rows one by one.
  template <class F>
  static void for_meetings(const RecordedCall& call, bool decided, const F& fn) {
    if (call.op->reads_outputs()) return;
    const Rows rows = call.op->rows(specs_of(call.inputs));
    if (rows.use != Rows::Use::each) return;
    const Op& op = *call.op;
    for (size_t k = 0; k < call.inputs.size(); ++k) {
      const Operand& input = call.inputs[k];
      if (decided && rows.split[k]) fn(Meeting{typeid(op), k, input.buffer.get(), 0, 0});
      if (!decided && !rows.split[k]) fn(Meeting{typeid(op), k, input.buffer.get(), input.begin, input.version});
    }
    for (size_t k = 0; decided && k < call.outputs.size(); ++k) {
      fn(Meeting{typeid(op), call.inputs.size() + k, call.outputs[k].buffer.get(), 0, 0});
    }
  }
  void enter(size_t j, bool decided) {
    for_meetings(recording_.calls[j], decided, [&](const Meeting& meeting) { places_[meeting].push_back(j); });
  }

  /// Joins call j with an earlier one, if there is one that fits. Returns where the search goes on: nothing before it
  /// has moved.
  std::optional<size_t> join_with_earlier(size_t j, bool decided) {
    std::vector<size_t> earlier;
    for_meetings(recording_.calls[j], decided, [&](const Meeting& meeting) {
      const auto found = places_.find(meeting);
      if (found != places_.end()) earlier.insert(earlier.end(), found->second.begin(), found->second.end());
    });
    std::sort(earlier.begin(), earlier.end());
    for (const size_t i : earlier) {
      if (!try_join(i, j, decided)) continue;
      places_.clear();  // buffers have become one, and calls have moved
      for (size_t k = 0; k < i; ++k) enter(k, decided);
      return i;
    }
    return std::nullopt;
  }

  bool try_join(size_t i, size_t j, bool decided) {
    const std::optional<Orders> orders = orders_of(recording_.calls[i], recording_.calls[j]);
    if (!orders || !orders->possible() || orders->decided != decided) return false;
    if (!decided && !shares_operand(recording_.calls[j])) return false;
    const auto after = calls_after(recording_, i, j, true);
    if (!after || !make_adjacent(i, j, orders->earlier_first)) return false;
    replace_both(recording_, i, j, *after, rows_of(i, j, orders->earlier_first));
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
        if (!a.same_bytes(b) || a.version != b.version || a.spec.shape != b.spec.shape) return {};
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

  [[nodiscard]] RecordedCall rows_of(size_t i, size_t j, bool earlier_first) const {
    const RecordedCall &first = recording_.calls[earlier_first ? i : j],
                       &second = recording_.calls[earlier_first ? j : i];
    const std::vector<bool> split = first.op->rows(specs_of(first.inputs)).split;
    RecordedCall both = first;
    for (size_t k = 0; k < split.size(); ++k) {
      if (split[k]) both.inputs[k] = rows_of_both(first.inputs[k], second.inputs[k]);
    }
    for (size_t k = 0; k < both.outputs.size(); ++k) {
      both.outputs[k] = rows_of_both(first.outputs[k], second.outputs[k]);
    }
    return both;
  }

  Recording& recording_;
  std::map<Meeting, std::vector<size_t>> places_;  // the calls up to the one that is looked at
};

}  // namespace

void join_rows(Recording& recording) {
  RowJoiner(recording).run();
}

}  // namespace kantor
