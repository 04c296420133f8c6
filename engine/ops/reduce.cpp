// Reductions and their inverse, broadcasting.
#include "engine/cpu/reduce.h"

#include "engine/ops.h"
#include "engine/ops/copy_op.h"
#include "engine/ops/pointwise_op.h"
#include "kernels/reduce.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <optional>
#include <tuple>

namespace kantor {
namespace {

/// Sum over a set of axes. Neighbouring axes merge; each merged run is one [outer, n, inner] sum, last run first.
class Sum final : public FloatingOp<Sum> {
 public:
  Sum(std::vector<bool> reduced, bool keepdims) : reduced_(std::move(reduced)), keepdims_(keepdims) {}
  [[nodiscard]] const char* name() const override { return "sum"; }
  [[nodiscard]] auto attributes() const { return std::tuple(reduced_, keepdims_); }
  [[nodiscard]] int leading_axes_summed() const override {
    const auto kept = std::find(reduced_.begin(), reduced_.end(), false);
    return std::find(kept, reduced_.end(), true) == reduced_.end() ? static_cast<int>(kept - reduced_.begin()) : 0;
  }
  [[nodiscard]] Rows rows(std::span<const TensorSpec>) const override {
    if (reduced_.empty()) return {};
    return reduced_[0] ? Rows{Rows::Use::summed, {true}} : first_by_row(1);
  }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs);
    std::vector<int64_t> extents;
    for (int axis = 0; axis < inputs[0].shape.rank(); ++axis) {
      if (!reduced_[static_cast<size_t>(axis)]) {
        extents.push_back(inputs[0].shape[axis]);
      } else if (keepdims_) {
        extents.push_back(1);
      }
    }
    return {{Shape(extents), inputs[0].dtype}};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    run<T>(inputs[0], outputs[0]);
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    const T* source = inputs[0].as<T>();
    std::optional<Temporary> current;
    for_runs(inputs[0].shape, [&](int64_t outer, int64_t n, int64_t inner, bool last) {
      std::optional<Temporary> next;
      if (!last) next.emplace(target, outer * inner * static_cast<int64_t>(sizeof(T)));
      T* y = last ? outputs[0].as<T>() : next->as<T>();
      const Temporary workspace(target, sum_workspace(outer, n, inner) * static_cast<int64_t>(sizeof(double)));
      KANTOR_ON(target.backend, sum_middle(source, y, outer, n, inner, workspace.as<double>(), target.stream));
      source = y;
      if (next) current.swap(next);
    });
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    const Shape& shape = c.inputs[0].shape();
    Shape kept = shape;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (reduced_[static_cast<size_t>(axis)]) kept = kept.with(axis, 1);
    }
    return {broadcast_to(reshape(c.grads[0], kept), shape)};
  }

 private:
  /// Calls fn(outer, n, inner, last) for each run of neighbouring reduced axes, the last axes first; one with n = 1
  /// where there is none.
  template <class F>
  void for_runs(const Shape& shape, const F& fn) const {
    std::vector<int64_t> extents = shape.to_vector();
    const auto reduced_before = [&](int axis) {
      return std::find(reduced_.begin(), reduced_.begin() + axis, true) != reduced_.begin() + axis;
    };
    if (!reduced_before(shape.rank())) return fn(shape.size(), 1, 1, true);
    for (int last = shape.rank() - 1; last >= 0; --last) {
      if (!reduced_[static_cast<size_t>(last)]) continue;
      int first = last;
      while (first > 0 && reduced_[static_cast<size_t>(first - 1)]) --first;
      int64_t outer = 1, n = 1, inner = 1;
      for (int axis = 0; axis < shape.rank(); ++axis) {
        (axis < first ? outer : axis <= last ? n : inner) *= extents[static_cast<size_t>(axis)];
      }
      fn(outer, n, inner, !reduced_before(first));
      for (int axis = first; axis <= last; ++axis) extents[static_cast<size_t>(axis)] = 1;
      last = first;
    }
  }

  template <class T>
  void run(const View& x, const View& y) const {
    std::vector<T> current, next;
    const T* source = x.as<T>();
    for_runs(x.shape, [&](int64_t outer, int64_t n, int64_t inner, bool last) {
      if (!last) next.resize(static_cast<size_t>(outer * inner));
      cpu::sum_middle(source, last ? y.as<T>() : next.data(), outer, n, inner);
      std::swap(current, next);
      source = current.data();
    });
  }

  std::vector<bool> reduced_;
  bool keepdims_;
};

class BroadcastTo final : public OpOf<BroadcastTo> {
 public:
  explicit BroadcastTo(const Shape& shape) : shape_(shape) {}
  [[nodiscard]] const char* name() const override { return "broadcast_to"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs);
    if (broadcast(inputs[0].shape, shape_) != shape_) {
      throw ShapeError(fmt::format("{} does not broadcast to {}", to_string(inputs[0].shape), to_string(shape_)));
    }
    return {{shape_, inputs[0].dtype}};
  }
  void cpu(Inputs inputs, Outputs outputs) const override {
    visit_floating(outputs[0].dtype, [&](auto zero) {
      cpu::binary_broadcast<First, decltype(zero)>({}, 1, inputs[0], inputs[0], outputs[0]);
    });
  }
  void device(const Target& target, Inputs inputs, Outputs outputs) const override {
    launch_copy(target, inputs[0], outputs[0], repeated(inputs[0].shape, shape_));
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    return {sum_to(c.grads[0], c.inputs[0].shape())};
  }

 private:
  /// Strides of x, 0 along what is repeated; the target is contiguous.
  static CopyShape repeated(const Shape& x, const Shape& y) {
    const BroadcastShape b = broadcast_shape(x, x, y);
    CopyShape shape;
    shape.rank = b.rank;
    int64_t stride = 1;
    for (int axis = b.rank - 1; axis >= 0; --axis) {
      shape.extents[axis] = b.extents[axis];
      shape.source_strides[axis] = b.a_strides[axis];
      shape.target_strides[axis] = stride;
      stride *= b.extents[axis];
    }
    return shape;
  }

  struct First {
    template <class T>
    T operator()(T a, T) const {
      return a;
    }
  };
  Shape shape_;
};

class RowNorm final : public FloatingOp<RowNorm> {
 public:
  [[nodiscard]] const char* name() const override { return "row_norm"; }
  [[nodiscard]] auto attributes() const { return std::tuple<>(); }
  [[nodiscard]] Rows rows(std::span<const TensorSpec>) const override { return first_by_row(1); }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs);
    if (inputs[0].shape.rank() < 1) throw ShapeError("rank 0 has no rows; expected [B, ...]");
    return {{{inputs[0].shape[0]}, inputs[0].dtype}};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    const int64_t rows = outputs[0].size(), columns = inputs[0].shape.size_from(1);
    const int64_t group = std::max<int64_t>(1, cpu::piece_elements / std::max<int64_t>(1, columns));

    cpu::for_pieces((rows + group - 1) / group, static_cast<double>(inputs[0].size()), [&](int64_t p) {
      for (int64_t r = p * group; r < std::min(rows, (p + 1) * group); ++r) {
        const double squares = cpu::sum_run(inputs[0].as<T>() + r * columns, columns, [](double v) { return v * v; });
        outputs[0].as<T>()[r] = static_cast<T>(std::sqrt(squares));
      }
    });
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    KANTOR_ON(target.backend, row_norm(inputs[0].as<T>(), outputs[0].as<T>(), outputs[0].size(),
                                       inputs[0].shape.size_from(1), target.stream));
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    const Shape& shape = c.inputs[0].shape();
    std::vector<int64_t> column(static_cast<size_t>(shape.rank()), 1);
    column[0] = shape[0];
    return {c.inputs[0] * reshape(c.grads[0] * safe_reciprocal(c.outputs[0]), Shape(column))};
  }
};

}  // namespace

Tensor sum(const Tensor& x, std::vector<int> axes, bool keepdims) {
  std::vector<bool> reduced(static_cast<size_t>(x.rank()), axes.empty());
  for (const int axis : axes) reduced[static_cast<size_t>(x.shape().normalize_axis(axis))] = true;
  return apply1(std::make_shared<const Sum>(std::move(reduced), keepdims), {x});
}

Tensor mean(const Tensor& x, std::vector<int> axes, bool keepdims) {
  int64_t count = axes.empty() ? x.size() : 1;
  for (const int axis : axes) count *= x.shape()[axis];
  if (count == 0) throw ShapeError("mean: " + describe(x) + " has no elements to average");
  return sum(x, std::move(axes), keepdims) * (1 / static_cast<double>(count));
}

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  return apply1(std::make_shared<const BroadcastTo>(shape), {x});
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  if (broadcast(shape, x.shape()) != x.shape()) {
    throw ShapeError(fmt::format("sum_to: {} is not a broadcast of {}", describe(x), to_string(shape)));
  }
  std::vector<int> axes;
  const int lead = x.rank() - shape.rank();
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (axis < lead || (shape[axis - lead] == 1 && x.shape()[axis] != 1)) axes.push_back(axis);
  }
  return reshape(axes.empty() ? x : sum(x, axes), shape);
}

Tensor row_norm(const Tensor& x) {
  return apply1(std::make_shared<const RowNorm>(), {x});
}

}  // namespace kantor
