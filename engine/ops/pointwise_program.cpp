#include "engine/ops/pointwise_program.h"

#include "engine/cpu/parallel.h"
#include "engine/cpu/pointwise.h"
#include "engine/cpu/scratch.h"
#include "engine/target.h"

#include <utility>

namespace kantor {
namespace {

class PointwiseProgramOp final : public FloatingOp<PointwiseProgramOp> {
 public:
  PointwiseProgramOp(std::string name, const PointwiseProgram& program, const TensorSpec& spec)
      : name_(std::move(name)), program_(program), spec_(spec) {}
  [[nodiscard]] const char* name() const override { return name_.c_str(); }
  [[nodiscard]] bool elementwise() const override { return true; }
  [[nodiscard]] const PointwiseProgram& program() const { return program_; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec>) const override {
    return std::vector<TensorSpec>(static_cast<size_t>(program_.outputs), spec_);
  }
  /// Block by block, so that the registers stay in the first-level cache.
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    const PointwiseArrays<T> arrays = arrays_of<T>(inputs, outputs);
    cpu::for_ranges(spec_.shape.size(), 2 * program_.steps, [&](int64_t begin, int64_t end) {
      for (int64_t at = begin; at < end; at += block) run(arrays, at, std::min(block, end - at));
    });
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    KANTOR_ON(target.backend,
              pointwise_program(program_, arrays_of<T>(inputs, outputs), spec_.shape.size(), target.stream));
  }

 private:
  static constexpr int64_t block = 256;
  struct Registers {};

  template <class T>
  static PointwiseArrays<T> arrays_of(Inputs inputs, Outputs outputs) {
    PointwiseArrays<T> arrays;
    for (size_t k = 0; k < inputs.size(); ++k) arrays.input[k] = inputs[k].as<T>();
    for (size_t k = 0; k < outputs.size(); ++k) arrays.output[k] = outputs[k].as<T>();
    return arrays;
  }

  template <class T>
  void run(const PointwiseArrays<T>& arrays, int64_t at, int64_t n) const {
    T* const results = cpu::scratch<T, Registers>(PointwiseProgram::most_steps * block);
    const auto source = [&](int r) -> const T* {
      if (r >= program_.inputs) return results + (r - program_.inputs) * block;
      return arrays.input[r] + (program_.single[r] ? 0 : at);
    };
    const auto stride = [&](int r) -> int64_t { return r < program_.inputs && program_.single[r] ? 0 : 1; };
    for (int s = 0; s < program_.steps; ++s) {
      const PointwiseProgram::Step& step = program_.step[s];
      const T *a = source(step.a), *b = source(step.b);
      T* result = results + s * block;
      const int64_t by_a = stride(step.a), by_b = stride(step.b);
      step.function.visit([&](const auto& f) {
        if constexpr (requires { f(*a, *b); }) {
          cpu::binary_run(f, a, by_a, b, by_b, result, by_a + by_b == 0 ? 1 : n);
          if (by_a + by_b == 0) std::fill_n(result + 1, n - 1, *result);
        } else {
          for (int64_t i = 0; i < n; ++i) result[i] = f(a[i * by_a]);
        }
      });
    }
    for (int k = 0; k < program_.outputs; ++k) std::copy_n(source(program_.output[k]), n, arrays.output[k] + at);
  }

  std::string name_;
  PointwiseProgram program_;
  TensorSpec spec_;
};

}  // namespace

std::shared_ptr<const Op> pointwise_program_op(std::string name, const PointwiseProgram& program,
                                               const TensorSpec& spec) {
  return std::make_shared<const PointwiseProgramOp>(std::move(name), program, spec);
}

const PointwiseProgram* program_of(const Op& op) {
  const auto* found = dynamic_cast<const PointwiseProgramOp*>(&op);
  return found == nullptr ? nullptr : &found->program();
}

}  // namespace kantor
