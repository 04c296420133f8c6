// Pointwise ops that follow each other become one pass, with what is between them in registers.
#include "engine/ops/pointwise_program.h"
#include "engine/recording/rewrite.h"
#include "engine/recording/rewrites/order.h"
#include "engine/recording/rewrites/uses.h"

#include <algorithm>
#include <optional>
#include <string>

namespace kantor {
namespace {

constexpr size_t none = static_cast<size_t>(-1);

/// A pointwise call as a program.
struct Draft {
  PointwiseProgram program;
  std::vector<Operand> inputs, outputs;

  [[nodiscard]] int64_t size() const { return outputs[0].spec.shape.size(); }
  /// The register of an input, which is added if it is not there; -1 where there is no room.
  int register_of(const Operand& input, bool single) {
    for (size_t k = 0; k < inputs.size(); ++k) {
      if (inputs[k].same_bytes(input) && inputs[k].spec.dtype == input.spec.dtype && program.single[k] == single) {
        return static_cast<int>(k);
      }
    }
    if (program.inputs == PointwiseProgram::most_inputs) return -1;
    for (PointwiseProgram::Step* step = program.step; step != program.step + program.steps; ++step) {
      if (step->a >= program.inputs) ++step->a;  // results stand behind the inputs
      if (step->b >= program.inputs) ++step->b;
    }
    for (int* output = program.output; output != program.output + program.outputs; ++output) {
      if (*output >= program.inputs) ++*output;
    }
    program.single[program.inputs++] = single;
    inputs.push_back(input);
    return program.inputs - 1;
  }
};

/// None for calls of other ops, and where an input is repeated along an axis.
std::optional<Draft> draft_of(const RecordedCall& call) {
  if (const PointwiseProgram* program = program_of(*call.op)) return Draft{*program, call.inputs, call.outputs};
  const AnyFunction* function = call.op->pointwise();
  if (function == nullptr || call.outputs[0].spec.shape.size() == 0) return std::nullopt;
  Draft draft{{}, {}, call.outputs};
  int registers[2] = {};
  for (size_t k = 0; k < call.inputs.size(); ++k) {
    const int64_t size = call.inputs[k].spec.shape.size();
    if (size != draft.size() && size != 1) return std::nullopt;
    registers[k] = draft.register_of(call.inputs[k], size == 1);
  }
  draft.program.step[0] = {*function, registers[0], call.inputs.size() > 1 ? registers[1] : registers[0]};
  draft.program.steps = draft.program.outputs = 1;
  draft.program.output[0] = draft.program.result_of(0);
  return draft;
}

class PointwiseJoiner {
 public:
  explicit PointwiseJoiner(Recording& recording) : recording_(recording), uses_(recording) {}

  void run() {
    for (size_t j = 0; j < recording_.calls.size(); ++j) {
      while (const std::optional<size_t> place = join_with_maker(j)) j = *place;
    }
  }

 private:
  /// Joins call j with a pointwise call that makes one of its inputs. Returns where the two stand as one.
  std::optional<size_t> join_with_maker(size_t j) {
    const std::optional<Draft> later = draft_of(recording_.calls[j]);
    if (!later) return std::nullopt;
    for (const Operand& input : later->inputs) {
      const size_t i = maker_of(input, j);
      if (i == none) continue;
      const std::optional<Draft> earlier = draft_of(recording_.calls[i]);
      if (!earlier || earlier->size() != later->size() ||
          earlier->outputs[0].spec.dtype != later->outputs[0].spec.dtype) {
        continue;
      }
      const auto after = calls_after(recording_, i, j, false);
      std::optional<Draft> both = after ? join(*earlier, i, *later, j) : std::nullopt;
      if (!both) continue;
      const TensorSpec spec = both->outputs[0].spec;
      RecordedCall call{pointwise_program_op(name_of_both(i, j), both->program, spec), std::move(both->inputs),
                        std::move(both->outputs)};
      return uses_.replace_both(i, j, *after, std::move(call));
    }
    return std::nullopt;
  }

  [[nodiscard]] std::string name_of_both(size_t i, size_t j) const {
    return std::string(recording_.calls[i].op->name()) + "+" + recording_.calls[j].op->name();
  }

  /// The last call before j that writes any of an operand, if it writes all of it.
  [[nodiscard]] size_t maker_of(const Operand& operand, size_t j) const {
    const std::optional<size_t> writer = uses_.last_writer(operand, j);
    if (!writer) return none;
    const auto& outputs = recording_.calls[*writer].outputs;
    const bool whole =
        std::any_of(outputs.begin(), outputs.end(), [&](const Operand& o) { return o.same_bytes(operand); });
    return whole ? *writer : none;
  }

  /// Both programs one after the other. None where there is no room, or where the inputs that are read first are not
  /// all read before the outputs that are written last.
  [[nodiscard]] std::optional<Draft> join(const Draft& earlier, size_t i, const Draft& later, size_t j) const {
    Draft both = earlier;
    if (both.program.steps + later.program.steps > PointwiseProgram::most_steps) return std::nullopt;
    std::vector<int> at;  // of later's inputs; of results of `earlier` the number of the step, behind all inputs
    for (size_t k = 0; k < later.inputs.size(); ++k) {
      const Operand& input = later.inputs[k];
      const auto made = std::find_if(earlier.outputs.begin(), earlier.outputs.end(),
                                     [&](const Operand& o) { return o.overlaps(input); });
      if (made == earlier.outputs.end()) {
        if (both.register_of(input, later.program.single[k]) < 0) return std::nullopt;
      } else if (!made->same_bytes(input)) {
        return std::nullopt;
      }
    }
    for (size_t k = 0; k < later.inputs.size(); ++k) {
      const Operand& input = later.inputs[k];
      const auto made = std::find_if(earlier.outputs.begin(), earlier.outputs.end(),
                                     [&](const Operand& o) { return o.same_bytes(input); });
      at.push_back(made == earlier.outputs.end() ? both.register_of(input, later.program.single[k])
                                                 : both.program.output[made - earlier.outputs.begin()]);
    }
    const int first = both.program.steps;
    const auto moved = [&](int r) {
      return r < later.program.inputs ? at[static_cast<size_t>(r)]
                                      : both.program.result_of(first + r - later.program.inputs);
    };
    for (int s = 0; s < later.program.steps; ++s) {
      const PointwiseProgram::Step& step = later.program.step[s];
      both.program.step[both.program.steps++] = {step.function, moved(step.a), moved(step.b)};
    }
    if (!choose_outputs(both, earlier, i, later, j, moved) || !in_place_is_safe(both)) return std::nullopt;
    return both;
  }

  /// All outputs but the earlier ones that nothing else reads, or that are overwritten.
  bool choose_outputs(Draft& both, const Draft& earlier, size_t i, const Draft& later, size_t j,
                      const auto& moved) const {
    const std::vector<int> made(both.program.output, both.program.output + both.program.outputs);
    both.outputs.clear();
    both.program.outputs = 0;
    const auto add = [&](const Operand& output, int r) {
      if (both.program.outputs == PointwiseProgram::most_outputs) return false;
      both.program.output[both.program.outputs++] = r;
      both.outputs.push_back(output);
      return true;
    };
    for (size_t k = 0; k < earlier.outputs.size(); ++k) {
      const Operand& output = earlier.outputs[k];
      const bool overwritten = std::any_of(later.outputs.begin(), later.outputs.end(),
                                           [&](const Operand& o) { return o.same_bytes(output); });
      const bool inside =
          output.whole_temporary() && uses_.only_writer(*output.buffer) == i && uses_.only_reader(*output.buffer) == j;
      if (!overwritten && !inside && !add(output, made[k])) return false;
    }
    for (size_t k = 0; k < later.outputs.size(); ++k) {
      if (!add(later.outputs[k], moved(later.program.output[k]))) return false;
    }
    return true;
  }

  /// Whether each output lies apart from the inputs and other outputs, or is an input element by element.
  static bool in_place_is_safe(const Draft& draft) {
    for (size_t k = 0; k < draft.outputs.size(); ++k) {
      for (size_t m = 0; m < draft.inputs.size(); ++m) {
        if (!draft.outputs[k].overlaps(draft.inputs[m])) continue;
        if (!draft.outputs[k].same_bytes(draft.inputs[m])) return false;
      }
      for (size_t m = 0; m < k; ++m) {
        if (draft.outputs[k].overlaps(draft.outputs[m])) return false;
      }
    }
    return true;
  }

  Recording& recording_;
  Uses uses_;
};

}  // namespace

void join_pointwise(Recording& recording) {
  PointwiseJoiner(recording).run();
}

}  // namespace kantor
