#include "bench/op_subject.h"

#include "engine/grad_mode.h"
#include "engine/ops.h"
#include "engine/random.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

namespace kantor {
namespace {

Shape with_rows(const Shape& shape, int64_t rows) {
  std::vector<int64_t> extents = shape.to_vector();
  extents[0] = rows;
  return Shape(extents);
}

/// Rows [begin, end) as a tensor that shares the memory.
Tensor rows_of(const Tensor& x, int64_t begin, int64_t end) {
  return x.narrow(begin * (x.size() / x.shape()[0]), with_rows(x.shape(), end - begin));
}

Tensor reference_input(const Tensor& x) {
  const Tensor host = x.to(Device{});
  return host.dtype() == DType::float32 ? host.to(DType::float64) : host;
}

struct Held {
  OpCase op;
  Tensors inputs, outputs;

  void compare(Comparison& comparison, const Tensors& from, const Tensors& found) const {
    const GradMode mode(op.graph);
    Tensors exact, absolute;
    for (const Tensor& x : from) exact.push_back(reference_input(x));
    const Tensors expected = op.op(exact, DType::float64);
    Tensors scales;
    if (op.absolute_terms) {
      for (const Tensor& x : exact) absolute.push_back(x.dtype() == DType::float64 ? abs(x) : x);
      scales = op.op(absolute, DType::float64);
    }
    for (size_t k = 0; k < found.size(); ++k) {
      const auto is = found[k].to_vector<double>(), right = expected[k].to_vector<double>();
      const auto scale = op.absolute_terms ? scales[k].to_vector<double>() : std::vector<double>();
      double largest = 0;
      for (const double value : right) largest = std::max(largest, std::fabs(value));
      for (size_t i = 0; i < is.size(); ++i) comparison.add(is[i], right[i], scale.empty() ? largest : scale[i]);
    }
  }

  [[nodiscard]] Accuracy check() const {
    Comparison comparison(op.allowed);
    const int64_t rows = outputs[0].rank() > 0 ? outputs[0].shape()[0] : 1, part = op.checked_rows;
    if (op.by_rows.empty() || rows <= 2 * part) {
      compare(comparison, inputs, outputs);
      return comparison.result();
    }
    for (const auto& [begin, end] : {std::pair{int64_t{0}, part}, {rows - part, rows}}) {
      Tensors from, found;
      for (size_t i = 0; i < inputs.size(); ++i) {
        from.push_back(op.by_rows[i] ? rows_of(inputs[i], begin, end) : inputs[i]);
      }
      for (const Tensor& out : outputs) found.push_back(rows_of(out, begin, end));
      compare(comparison, from, found);
    }
    return comparison.result();
  }
};

}  // namespace

Tensor random_values(const Shape& shape, Device device, uint32_t stream) {
  return normal(shape, 1, stream, zeros({}, {DType::int64, device}));
}

void poison(const Tensor& tensor) {
  const bool number = tensor.dtype() == DType::float32 || tensor.dtype() == DType::float64;
  tensor.copy_from(
      full(tensor.shape(), number ? std::numeric_limits<double>::quiet_NaN() : -1, {tensor.dtype(), tensor.device()}));
}

Subject op_subject(const OpCase& op, Device device) {
  Subject subject{op.name, op.size, op.cost, {}};
  subject.streams = op.streams;
  if (op.instead) subject.run_as = RunAs::graph;
  subject.make = [op, device](Subject& made) {
    const GradMode mode(op.graph);
    const auto held = std::make_shared<Held>();
    held->op = op;
    held->inputs = op.inputs(device);
    for (const Tensor& out : op.op(held->inputs, DType::float32)) {
      held->outputs.push_back(empty(out.shape(), {out.dtype(), device}));
    }
    if (op.instead) {
      made.step = op.instead(held->inputs, held->outputs);
    } else {
      made.step = [held] {
        const GradMode kept(held->op.graph);
        const Tensors results = held->op.op(held->inputs, DType::float32);
        for (size_t k = 0; k < results.size(); ++k) held->outputs[k].copy_from(results[k]);
      };
    }
    made.prepare = [held] {
      for (const Tensor& out : held->outputs) poison(out);
    };
    made.check = [held] { return held->check(); };
  };
  return subject;
}

}  // namespace kantor
