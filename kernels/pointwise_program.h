// Launcher of pointwise programs: several functions of function.h in one pass, with what is between them in registers.
#pragma once

#include "kernels/any_function.h"
#include "kernels/launcher.h"

namespace kantor {

/// Register r is input r, or the result of step r - inputs. Inputs have as many elements as the outputs, or one.
struct PointwiseProgram {
  static constexpr int most_inputs = 12, most_steps = 20, most_outputs = 8;
  struct Step {
    AnyFunction function;
    int a = 0, b = 0;  // registers; b is read by functions of two
  };
  int inputs = 0, steps = 0, outputs = 0;
  bool single[most_inputs] = {};  // an input of one element
  Step step[most_steps];
  int output[most_outputs] = {};  // the register of each

  [[nodiscard]] KANTOR_FUNCTION int result_of(int at) const { return inputs + at; }
};

/// Where a program's inputs and outputs are. An output may be where an input is.
template <class T>
struct PointwiseArrays {
  const T* input[PointwiseProgram::most_inputs] = {};
  T* output[PointwiseProgram::most_outputs] = {};
};

KANTOR_LAUNCHERS(
    /// For each of `size` elements: loads the inputs, runs the steps, stores the outputs. T is float or double.
    template <class T> void pointwise_program(const PointwiseProgram& program, const PointwiseArrays<T>& arrays,
                                              int64_t size, Stream stream);)

}  // namespace kantor
