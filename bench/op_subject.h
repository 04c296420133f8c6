// Subjects that are one op of the engine: what it gives is compared with the same op on the CPU in float64, which the
// project's tests hold as their reference.
#pragma once

#include "bench/harness.h"
#include "engine/tensor.h"

#include <functional>
#include <string>
#include <vector>

namespace kantor {

using Tensors = std::vector<Tensor>;

struct OpCase {
  std::string name, size;
  Cost cost;
  Streams streams = {};
  /// Of float32, on the device; others (counters, indices) keep their type in the reference.
  std::function<Tensors(Device device)> inputs = {};
  /// The op's outputs. Draws take `dtype`, which is float64 in the reference.
  std::function<Tensors(const Tensors& inputs, DType dtype)> op = {};
  double allowed = 1e-5;
  /// Whether the scale of an output is the op on absolute inputs, the sum of the terms' absolute values; else it is the
  /// largest absolute value of the output, for terms of one size.
  bool absolute_terms = false;
  /// Inputs whose rows the op treats one by one, giving a row of each output; then only the first and last
  /// `checked_rows` are compared where there are more. Empty: all is.
  std::vector<bool> by_rows = {};
  int64_t checked_rows = 0;
  bool graph = false;  // the op takes derivatives: it needs the graph of what it computes
  /// Makes the step of other means to compute the same, a library's, which writes `outputs`; empty: the op.
  std::function<std::function<void()>(const Tensors& inputs, const Tensors& outputs)> instead = {};
};

/// The subject. Its results are written where they stay, by a copy that vanishes from the recording wherever the op can
/// write there itself.
Subject op_subject(const OpCase& op, Device device);
/// Numbers that the benchmarks compute with: standard normal, of stream `stream`.
Tensor random_values(const Shape& shape, Device device, uint32_t stream);

/// Overwrites a float tensor by NaN, an integer one by -1.
void poison(const Tensor& tensor);

}  // namespace kantor
