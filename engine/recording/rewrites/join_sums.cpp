// a1' b1 + a2' b2 = [a1; a2]' [b1; b2]: where two sums over rows are added, one sum takes the rows of both. The weight
// gradients of a penalised critic are such sums: one part comes from the scores' loss, the other from the penalty.
#include "engine/recording/rewrite.h"
#include "engine/recording/rewrites/adjacent.h"
#include "engine/recording/rewrites/uses.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace kantor {
namespace {

class SumJoiner {
 public:
  explicit SumJoiner(Recording& recording) : recording_(recording), uses_(recording) {}

  void run() {
    for (size_t k = 0; k < recording_.calls.size(); ++k) {
      if (try_join(k)) k -= 2;  // two calls before it are gone
    }
  }

 private:
  /// Whether the addition `calls[k]` of two sums is now one sum in its place.
  bool try_join(size_t k) {
    const RecordedCall& addition = recording_.calls[k];
    if (!applies<function::Add>(addition) || addition.inputs[0].spec.shape != addition.inputs[1].spec.shape)
      return false;
    const size_t a = only_maker(addition.inputs[0], k), b = only_maker(addition.inputs[1], k);
    if (a == none || b == none || a == b || !fit(a, b)) return false;
    const size_t first = std::min(a, b), later = std::max(a, b);
    if (!may_wait(first, later) || !may_wait(later, k)) return false;
    if (!make_adjacent(first, later, true) && !make_adjacent(first, later, false)) return false;
    RecordedCall sum = recording_.calls[later];
    for (size_t i = 0; i < sum.inputs.size(); ++i) {
      const Operand &x = recording_.calls[first].inputs[i], &y = recording_.calls[later].inputs[i];
      sum.inputs[i] = adjacent(x, y) ? rows_of_both(x, y) : rows_of_both(y, x);
    }
    sum.outputs = addition.outputs;
    uses_.change(k, std::move(sum));
    std::vector<bool> gone(recording_.calls.size());
    gone[first] = gone[later] = true;
    uses_.remove(gone);
    return true;
  }

  static constexpr size_t none = static_cast<size_t>(-1);

  /// The call that writes all of a temporary that nothing but call k reads, if it is a sum over rows.
  [[nodiscard]] size_t only_maker(const Operand& value, size_t k) const {
    if (!value.whole_temporary()) return none;
    const std::optional<size_t> writer = uses_.only_writer(*value.buffer);
    if (!writer || uses_.only_reader(*value.buffer) != k) return none;
    const RecordedCall& maker = recording_.calls[*writer];
    std::vector<TensorSpec> specs;
    for (const Operand& input : maker.inputs) specs.push_back(input.spec);
    const Rows rows = maker.op->rows(specs);
    const bool all_split = std::find(rows.split.begin(), rows.split.end(), false) == rows.split.end();
    return rows.use == Rows::Use::summed && all_split && maker.outputs.size() == 1 ? *writer : none;
  }

  /// Whether two sums differ in nothing but the rows that they take.
  [[nodiscard]] bool fit(size_t a, size_t b) const {
    const RecordedCall &x = recording_.calls[a], &y = recording_.calls[b];
    if (!x.op->same_as(*y.op) || x.inputs.size() != y.inputs.size()) return false;
    for (size_t i = 0; i < x.inputs.size(); ++i) {
      const TensorSpec &of_x = x.inputs[i].spec, &of_y = y.inputs[i].spec;
      if (of_x.dtype != of_y.dtype || of_x.shape.with(0, 1) != of_y.shape.with(0, 1)) return false;
    }
    return true;
  }

  /// Whether call i can run at the place of call k: nothing in between overwrites what it reads.
  [[nodiscard]] bool may_wait(size_t i, size_t k) const {
    const std::vector<Operand>& inputs = recording_.calls[i].inputs;
    return std::none_of(inputs.begin(), inputs.end(),
                        [&](const Operand& input) { return uses_.written(input, i + 1, k); });
  }

  bool make_adjacent(size_t a, size_t b, bool in_order) {
    if (!in_order) std::swap(a, b);
    const auto together = [&](size_t i) {
      const Operand &first = recording_.calls[a].inputs[i], &second = recording_.calls[b].inputs[i];
      return adjacent(first, second) || joinable(first, second) || may_move_behind(first, second) ||
             may_move_before(first, second);
    };
    for (size_t i = 0; i < recording_.calls[a].inputs.size(); ++i) {
      if (!together(i)) return false;
    }
    for (size_t i = 0; i < recording_.calls[a].inputs.size(); ++i) {
      const Operand first = recording_.calls[a].inputs[i], second = recording_.calls[b].inputs[i];
      if (adjacent(first, second)) continue;
      if (joinable(first, second)) {
        join(first, second);
      } else if (may_move_behind(first, second)) {
        uses_.move_buffer(*second.buffer, first.buffer, first.end());
      } else if (may_move_before(first, second)) {
        uses_.move_buffer(*first.buffer, second.buffer, second.begin - first.bytes());
      } else {
        return false;
      }
    }
    return true;
  }

  /// Makes one buffer of two joinable operands' buffers.
  void join(const Operand& first, const Operand& second) {
    const std::shared_ptr<Buffer> both = buffer_of_both(first, second, recording_.device);
    const size_t behind = first.buffer->bytes;
    uses_.move_buffer(*first.buffer, both, 0);
    uses_.move_buffer(*second.buffer, both, behind);
  }

  /// Whether a temporary could be written behind `first`, over rows that nothing needs any more by then.
  [[nodiscard]] bool may_move_behind(const Operand& first, const Operand& moved) const {
    return first.buffer->temporary() && first.end() + moved.bytes() <= first.buffer->bytes &&
           may_overwrite(moved, {first.buffer, first.end(), moved.spec});
  }
  [[nodiscard]] bool may_move_before(const Operand& moved, const Operand& second) const {
    return second.buffer->temporary() && second.begin >= moved.bytes() &&
           may_overwrite(moved, {second.buffer, second.begin - moved.bytes(), moved.spec});
  }

  /// Whether the temporary `moved` could live at `place`: by the time that it is written nothing reads or writes there
  /// any more, but its maker itself, where that goes element by element and reads exactly there.
  [[nodiscard]] bool may_overwrite(const Operand& moved, const Operand& place) const {
    if (!moved.whole_temporary() || moved.buffer == place.buffer) return false;
    const std::optional<size_t> writer = uses_.only_writer(*moved.buffer);
    if (!writer) return false;
    const RecordedCall& maker = recording_.calls[*writer];
    if (maker.writes(place)) return false;  // by another of its outputs
    for (const Operand& input : maker.inputs) {
      if (input.overlaps(place) && !(maker.op->elementwise() && input.same_bytes(place))) return false;
    }
    return !uses_.used(place, *writer + 1, recording_.calls.size());
  }

  Recording& recording_;
  Uses uses_;
};

}  // namespace

void join_sums(Recording& recording) {
  SumJoiner(recording).run();
}

}  // namespace kantor
