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
#include <unordered_map>
#include <utility>

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

/// Sorts numbers, each of which stays once.
void sort_once(std::vector<size_t>& numbers) {
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

Rows rows_of(const RecordedCall& call) {
  if (call.op->reads_outputs()) return {};
  std::vector<TensorSpec> specs;
  specs.reserve(call.inputs.size());
  for (const Operand& input : call.inputs) specs.push_back(input.spec);
  return call.op->rows(specs);
}

/// What two calls must share to be a pair: an op's class, and in one role (an input or output) a buffer. A weight must
/// be the same value, in place and version; of rows it is enough that they lie in one buffer, where they may be
/// neighbours.
using Meeting = std::tuple<std::type_index, size_t, const Buffer*, size_t, uint64_t>;

/// Joins pairs in the order of the calls. A pair that did not fit fits later only where a buffer of both, or one of the
/// two calls, has changed: only such calls, which are `open`, are looked at again. Calls change their places in the
/// list, so what is known of them is kept by a number that each has from the beginning.
class RowJoiner {
 public:
  explicit RowJoiner(Recording& recording) : recording_(recording) {
    const size_t count = recording.calls.size();
    for (size_t id = 0; id < count; ++id) {
      ids_.push_back(id);
      places_.push_back(id);
      rows_.push_back(rows_of(recording.calls[id]));
    }
    for (std::vector<bool>& open : open_) open.assign(count, true);
    for (size_t id = 0; id < count; ++id) enter(id);
  }

  /// Pairs whose rows lie together already come first: they decide the order of the rows for those that do not.
  void run() {
    do join_decided();
    while (join_undecided());
  }

 private:
  static constexpr size_t gone = static_cast<size_t>(-1);

  /// Joins all pairs of rows that share a buffer.
  void join_decided() {
    for (size_t j = 0; j < ids_.size();) {
      const std::optional<size_t> joined = join_with_earlier(j, true);
      j = joined ? *joined : j + 1;
    }
  }
  /// Joins one pair that shares a weight.
  bool join_undecided() {
    for (size_t j = 0; j < ids_.size(); ++j) {
      if (join_with_earlier(j, false)) return true;
    }
    return false;
  }

  /// Calls fn with each Meeting of a call that treats its rows one by one.
  template <class F>
  void for_meetings(size_t id, bool decided, const F& fn) const {
    if (rows_[id].use != Rows::Use::each) return;
    const RecordedCall& call = recording_.calls[places_[id]];
    const Op& op = *call.op;
    for (size_t k = 0; k < call.inputs.size(); ++k) {
      const Operand& input = call.inputs[k];
      const bool split = rows_[id].split[k];
      if (decided && split) fn(Meeting{typeid(op), k, input.buffer.get(), 0, 0});
      if (!decided && !split) fn(Meeting{typeid(op), k, input.buffer.get(), input.begin, input.version});
    }
    for (size_t k = 0; decided && k < call.outputs.size(); ++k) {
      fn(Meeting{typeid(op), call.inputs.size() + k, call.outputs[k].buffer.get(), 0, 0});
    }
  }

  /// Makes a call that is new, or whose buffers have become others, known under them.
  void enter(size_t id) {
    for (const bool decided : {false, true}) {
      open_[decided][id] = true;
      for_meetings(id, decided, [&](const Meeting& meeting) { meetings_[meeting].push_back(id); });
    }
    const RecordedCall& call = recording_.calls[places_[id]];
    for (const std::vector<Operand>* operands : {&call.inputs, &call.outputs}) {
      for (const Operand& operand : *operands) users_[operand.buffer.get()].push_back(id);
    }
  }

  /// Joins call j with an earlier one, if there is one that fits. Returns where the search goes on: nothing before it
  /// has moved.
  std::optional<size_t> join_with_earlier(size_t j, bool decided) {
    const size_t id = ids_[j];
    if (!open_[decided][id]) return std::nullopt;
    open_[decided][id] = false;
    std::vector<size_t> earlier;
    for_meetings(id, decided, [&](const Meeting& meeting) {
      for (const size_t other : meetings_[meeting]) {
        if (places_[other] < j) earlier.push_back(places_[other]);
      }
    });
    sort_once(earlier);
    for (const size_t i : earlier) {
      if (try_join(i, j, decided)) return i;
    }
    return std::nullopt;
  }

  bool try_join(size_t i, size_t j, bool decided) {
    const std::optional<Orders> orders = orders_of(i, j);
    if (!orders || !orders->possible() || orders->decided != decided) return false;
    const auto after = calls_after(recording_, i, j, true);
    if (!after || !make_adjacent(i, j, orders->earlier_first)) return false;
    replace(i, j, *after, call_of_both(i, j, orders->earlier_first));
    return true;
  }

  void replace(size_t i, size_t j, const std::vector<bool>& after, RecordedCall both) {
    const size_t id = ids_[i];
    places_[ids_[j]] = gone;
    replace_both(ids_, i, j, after, id);
    replace_both(recording_.calls, i, j, after, std::move(both));
    for (size_t k = i; k < ids_.size(); ++k) places_[ids_[k]] = k;
    rows_[id] = rows_of(recording_.calls[places_[id]]);
    enter(id);
    for (const bool decided : {false, true}) {
      for_meetings(id, decided, [&](const Meeting& meeting) {
        for (const size_t other : meetings_[meeting]) open_[decided][other] = true;
      });
    }
  }

  [[nodiscard]] const std::vector<bool>& split_of(size_t i) const { return rows_[ids_[i]].split; }

  /// None where the calls differ in more than their rows.
  [[nodiscard]] std::optional<Orders> orders_of(size_t i, size_t j) const {
    const RecordedCall &earlier = recording_.calls[i], &later = recording_.calls[j];
    if (earlier.inputs.size() != later.inputs.size() || earlier.outputs.size() != later.outputs.size()) return {};
    if (!earlier.op->same_as(*later.op)) return {};
    const std::vector<bool>& split = split_of(j);
    if (split != split_of(i)) return {};
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
    const RecordedCall &earlier = recording_.calls[i], &later = recording_.calls[j];
    const auto ensure = [&](const Operand& a, const Operand& b) {
      const Operand &first = earlier_first ? a : b, &second = earlier_first ? b : a;
      if (!adjacent(first, second) && joinable(first, second)) join_buffers(first, second);
      return adjacent(first, second);
    };
    for (size_t k = 0; k < later.inputs.size(); ++k) {
      if (split_of(j)[k] && !ensure(earlier.inputs[k], later.inputs[k])) return false;
    }
    for (size_t k = 0; k < later.outputs.size(); ++k) {
      if (!ensure(earlier.outputs[k], later.outputs[k])) return false;
    }
    return true;
  }

  /// As `join` does, in the calls that use the buffers.
  void join_buffers(const Operand& first, const Operand& second) {
    const std::shared_ptr<Buffer> parts[2]{first.buffer, second.buffer};  // the operands are calls' own, which change
    const std::shared_ptr<Buffer> both = buffer_of_both(first, second, recording_.device);
    size_t offset = 0;
    for (const std::shared_ptr<Buffer>& part : parts) {
      std::vector<size_t> users = std::exchange(users_[part.get()], {});
      sort_once(users);
      for (const size_t id : users) {
        if (places_[id] == gone) continue;
        recording_.calls[places_[id]].move_buffer(*part, both, offset);
        enter(id);
      }
      offset += part->bytes;
      joined_.push_back(part);
    }
  }

  [[nodiscard]] RecordedCall call_of_both(size_t i, size_t j, bool earlier_first) const {
    const RecordedCall &first = recording_.calls[earlier_first ? i : j],
                       &second = recording_.calls[earlier_first ? j : i];
    RecordedCall both = first;
    for (size_t k = 0; k < both.inputs.size(); ++k) {
      if (split_of(i)[k]) both.inputs[k] = rows_of_both(first.inputs[k], second.inputs[k]);
    }
    for (size_t k = 0; k < both.outputs.size(); ++k) {
      both.outputs[k] = rows_of_both(first.outputs[k], second.outputs[k]);
    }
    return both;
  }

  Recording& recording_;
  std::vector<size_t> ids_, places_;  // of each place in the list the call's number, and of each number its place
  std::vector<Rows> rows_;            // of each number, as the next three
  std::vector<bool> open_[2];         // to be looked at: for pairs that share a weight, and that share rows' buffers
  std::map<Meeting, std::vector<size_t>> meetings_;
  std::unordered_map<const Buffer*, std::vector<size_t>> users_;
  std::vector<std::shared_ptr<Buffer>> joined_;  // kept, so that no new buffer has the address of one of them
};

}  // namespace

void join_rows(Recording& recording) {
  RowJoiner(recording).run();
}

}  // namespace kantor
