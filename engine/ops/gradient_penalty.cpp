// The gradient penalty of WGAN-GP and its relatives: value, derivative and norms in one pass over the input gradient.
// Bytes: 4 read and 4 written per element, while a row stays in cache between its norm and its derivative.
#include "kernels/gradient_penalty.h"

#include "engine/cpu/reduce.h"
#include "engine/ops.h"
#include "engine/ops/pointwise_op.h"
#include "kernels/row_penalty.h"

#include <cmath>
#include <fmt/format.h>

namespace kantor {
namespace {

/// [B] as [B, 1, ...], to broadcast over the samples of x.
Tensor as_column(const Tensor& rows, const Tensor& x) {
  std::vector<int64_t> shape(static_cast<size_t>(x.rank()), 1);
  shape[0] = rows.size();
  return reshape(rows, Shape(shape));
}

/// out = eps real + (1 - eps) fake, with one eps_of(row) per row; on the CPU.
template <class T, class Eps>
void interpolate_rows(const View& real, const View& fake, const View& out, const Eps& eps_of) {
  const int64_t rows = out.shape[0], columns = out.shape.size_from(1);
  const int64_t group = std::max<int64_t>(1, cpu::piece_elements / std::max<int64_t>(1, columns));
  cpu::for_pieces((rows + group - 1) / group, static_cast<double>(out.size()), [&](int64_t p) {
    for (int64_t r = p * group; r < std::min(rows, (p + 1) * group); ++r) {
      const T *a = real.as<T>() + r * columns, *b = fake.as<T>() + r * columns;
      const T eps = eps_of(r);
      T* y = out.as<T>() + r * columns;
      for (int64_t i = 0; i < columns; ++i) y[i] = eps * a[i] + (1 - eps) * b[i];
    }
  });
}

void require_pairs(std::span<const TensorSpec> inputs) {
  require_floating(inputs.first(2));
  const Shape& x = inputs[0].shape;
  if (x.rank() < 1 || inputs[1].shape != x) throw ShapeError("expected real and fake of one shape [B, ...]");
}

class Interpolate final : public FloatingOp<Interpolate> {
 public:
  [[nodiscard]] const char* name() const override { return "interpolate"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_pairs(inputs);
    require_floating(inputs);
    if (inputs[2].shape != Shape{inputs[0].shape[0]}) throw ShapeError("expected one eps [B] per sample");
    return {inputs[0]};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    interpolate_rows<T>(inputs[0], inputs[1], outputs[0], [&](int64_t row) { return inputs[2].as<T>()[row]; });
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    KANTOR_ON(target.backend, interpolate(inputs[0].as<T>(), inputs[1].as<T>(), inputs[2].as<T>(), outputs[0].as<T>(),
                                          outputs[0].shape[0], outputs[0].shape.size_from(1), target.stream));
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    const Tensor& g = c.grads[0];
    const Tensor eps = as_column(c.inputs[2], g);
    std::vector<Tensor> grads(3);
    if (c.wanted[0]) grads[0] = g * eps;
    if (c.wanted[1]) grads[1] = g * scale_shift(eps, -1, 1);
    if (c.wanted[2]) grads[2] = reshape(sum_to(g * (c.inputs[0] - c.inputs[1]), eps.shape()), c.inputs[2].shape());
    return grads;
  }
};

/// Interpolate with eps drawn in the pass. Inputs: real, fake, the step of the draw.
class InterpolateDrawn final : public FloatingOp<InterpolateDrawn> {
 public:
  InterpolateDrawn(uint64_t seed, uint32_t stream, int64_t first) : seed_(seed), stream_(stream), first_(first) {}
  [[nodiscard]] const char* name() const override { return "interpolate"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_pairs(inputs);
    if (inputs[2].dtype != DType::int64 || inputs[2].shape.size() != 1) {
      throw DTypeError("the step of the draw must be one int64");
    }
    return {inputs[0]};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    const auto step = static_cast<uint64_t>(*inputs[2].as<int64_t>());

    interpolate_rows<T>(inputs[0], inputs[1], outputs[0], [&](int64_t row) {
      return static_cast<T>(uniform_at(seed_, stream_, step, static_cast<uint64_t>(first_ + row)));
    });
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    const DrawKey key{seed_, stream_, inputs[2].as<int64_t>(), first_};

    KANTOR_ON(target.backend, interpolate_drawn(inputs[0].as<T>(), inputs[1].as<T>(), key, outputs[0].as<T>(),
                                                outputs[0].shape[0], outputs[0].shape.size_from(1), target.stream));
  }
  [[nodiscard]] std::vector<Tensor> reference(std::span<const Tensor> in) const override {
    return {interpolate(in[0], in[1], uniform({in[0].shape()[0]}, {seed_, stream_, in[2], first_}, in[0].dtype()))};
  }

 private:
  uint64_t seed_;
  uint32_t stream_;
  int64_t first_;
};

class GradientPenalty final : public FloatingOp<GradientPenalty> {
 public:
  GradientPenalty(PenaltyKind kind, double coefficient) : kind_(kind), coefficient_(coefficient) {}
  [[nodiscard]] const char* name() const override { return "gradient_penalty"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs);
    if (inputs[0].shape.rank() < 2) throw ShapeError("expected gradients [B, ...]");
    if (inputs[0].shape[0] == 0) throw ShapeError("an empty batch has no mean penalty");
    return {{Shape{}, inputs[0].dtype}, inputs[0], {{inputs[0].shape[0]}, inputs[0].dtype}};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    run<T>(inputs[0], outputs);
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    const int64_t rows = inputs[0].shape[0];
    const int64_t width = inputs[0].shape.size_from(1);
    const Temporary workspace(
        target, gradient_penalty_workspace(rows, width, sizeof(T)) * static_cast<int64_t>(sizeof(double)));
    KANTOR_ON(target.backend,
              gradient_penalty(kind_, coefficient_, inputs[0].as<T>(), outputs[0].as<T>(), outputs[1].as<T>(),
                               outputs[2].as<T>(), rows, width, workspace.as<double>(), target.stream));
  }
  /// The second output is the derivative already; only the derivative's own derivative needs the reference.
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    Tensor g = c.grads[0].defined() ? c.outputs[1] * c.grads[0] : Tensor();
    if (c.grads[1].defined() || c.grads[2].defined()) {
      const std::vector<Tensor> rest{Tensor(), c.grads[1], c.grads[2]};
      const Tensor second = Op::vjp({c.inputs, c.outputs, rest, c.wanted})[0];
      if (second.defined()) g = g.defined() ? g + second : second;
    }
    return {g};
  }
  [[nodiscard]] std::vector<Tensor> reference(std::span<const Tensor> in) const override {
    const Tensor& g = in[0];
    const Tensor n = row_norm(g), inverse = safe_reciprocal(n);
    const double share = coefficient_ / static_cast<double>(g.shape()[0]);
    const Tensor factor = [&] {
      switch (kind_) {
        case PenaltyKind::two_sided:
          return scale_shift(inverse, -2 * share, 2 * share);
        case PenaltyKind::one_sided:
          return relu(scale_shift(inverse, -1, 1)) * greater_equal(n, ones_like(n)) * (2 * share);
        default:
          return scale_shift(inverse, 0, share);
      }
    }();
    return {gradient_penalty_reference(g, kind_, coefficient_), g * as_column(factor, g), n};
  }

 private:
  static Tensor ones_like(const Tensor& x) { return ones(x.shape(), {x.dtype(), x.device()}); }

  template <class T>
  void run(const View& g, Outputs outputs) const {
    const int64_t rows = g.shape[0], columns = g.shape.size_from(1);
    const double share = coefficient_ / static_cast<double>(rows);
    const int64_t group = std::max<int64_t>(1, cpu::piece_elements / std::max<int64_t>(1, columns));
    std::vector<double> values(static_cast<size_t>(rows));
    cpu::for_pieces((rows + group - 1) / group, static_cast<double>(g.size()) * 2, [&](int64_t p) {
      for (int64_t r = p * group; r < std::min(rows, (p + 1) * group); ++r) {
        const T* x = g.as<T>() + r * columns;
        T* u = outputs[1].as<T>() + r * columns;
        // Squares in double: they hold norms from 1e-150 to 1e150.
        const double n = std::sqrt(cpu::sum_run(x, columns, [](double v) { return v * v; }));
        const RowPenalty row = row_penalty(kind_, n);
        values[static_cast<size_t>(r)] = row.value;
        outputs[2].as<T>()[r] = static_cast<T>(n);
        const double factor = share * row.factor;
        for (int64_t i = 0; i < columns; ++i) u[i] = static_cast<T>(factor * static_cast<double>(x[i]));
      }
    });
    *outputs[0].as<T>() = static_cast<T>(share * cpu::sum_run(values.data(), rows, [](double v) { return v; }));
  }

  PenaltyKind kind_;
  double coefficient_;
};

}  // namespace

Tensor interpolate(const Tensor& real, const Tensor& fake, const Tensor& eps) {
  return apply1(std::make_shared<const Interpolate>(), {real, fake, eps});
}

Tensor interpolate(const Tensor& real, const Tensor& fake, const Draw& draw) {
  return apply1(std::make_shared<const InterpolateDrawn>(draw.seed, draw.stream, draw.first), {real, fake, draw.step});
}

PenaltyResult gradient_penalty(const Tensor& g, PenaltyKind kind, double coefficient) {
  const auto outputs = apply(std::make_shared<const GradientPenalty>(kind, coefficient), {g});
  return {outputs[0], outputs[1], outputs[2]};
}

Tensor gradient_penalty_reference(const Tensor& g, PenaltyKind kind, double coefficient) {
  const Tensor n = row_norm(g);
  switch (kind) {
    case PenaltyKind::two_sided:
      return mean(square(n - 1)) * coefficient;
    case PenaltyKind::one_sided:
      return mean(square(relu(n - 1))) * coefficient;
    default:
      return mean(square(n)) * (coefficient / 2);
  }
}

}  // namespace kantor
