// Reductions and their inverse, broadcasting.
#include "engine/cpu/reduce.h"

#include "engine/cpu/pointwise.h"
#include "engine/ops.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace kantor {
namespace {

/// Sum over a set of axes. Neighbouring axes merge; each merged run is one [outer, n, inner] sum, last run first.
class Sum final : public Op {
 public:
  Sum(std::vector<bool> reduced, bool keep) : reduced_(std::move(reduced)), keep_(keep) {}
  [[nodiscard]] const char* name() const override { return "sum"; }
  [[nodiscard]] std::vector<Spec> infer(std::span<const Spec> inputs) const override {
    cpu::require_floating(inputs);
    std::vector<int64_t> extents;
    for (int axis = 0; axis < inputs[0].shape.rank(); ++axis) {
      if (!reduced_[static_cast<size_t>(axis)]) {
        extents.push_back(inputs[0].shape[axis]);
      } else if (keep_) {
        extents.push_back(1);
      }
    }
    return {{Shape(extents), inputs[0].dtype}};
  }
  void cpu(Inputs inputs, Outputs outputs) const override {
    cpu::visit_floating(outputs[0].dtype, [&](auto zero) { run<decltype(zero)>(inputs[0], outputs[0]); });
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
  template <class T>
  void run(const View& x, const View& y) const {
    std::vector<int64_t> extents = x.shape.to_vector();
    std::vector<T> current, next;
    const T* source = x.as<T>();
    bool done = false;
    for (int last = x.shape.rank() - 1; last >= 0; --last) {
      if (!reduced_[static_cast<size_t>(last)]) continue;
      int first = last;
      while (first > 0 && reduced_[static_cast<size_t>(first - 1)]) --first;
      int64_t outer = 1, n = 1, inner = 1;
      for (int axis = 0; axis < x.shape.rank(); ++axis) {
        (axis < first ? outer : axis <= last ? n : inner) *= extents[static_cast<size_t>(axis)];
      }
      const bool is_last = std::find(reduced_.begin(), reduced_.begin() + first, true) == reduced_.begin() + first;
      if (!is_last) next.resize(static_cast<size_t>(outer * inner));
      cpu::sum_middle(source, is_last ? y.as<T>() : next.data(), outer, n, inner);
      for (int axis = first; axis <= last; ++axis) extents[static_cast<size_t>(axis)] = 1;
      std::swap(current, next);
      source = current.data();
      done = true;
      last = first;
    }
    if (!done) std::copy_n(source, x.size(), y.as<T>());
  }

  std::vector<bool> reduced_;
  bool keep_;
};

class BroadcastTo final : public Op {
 public:
  explicit BroadcastTo(const Shape& shape) : shape_(shape) {}
  [[nodiscard]] const char* name() const override { return "broadcast_to"; }
  [[nodiscard]] std::vector<Spec> infer(std::span<const Spec> inputs) const override {
    cpu::require_floating(inputs);
    if (broadcast(inputs[0].shape, shape_) != shape_) {
      throw ShapeError(fmt::format("{} does not broadcast to {}", to_string(inputs[0].shape), to_string(shape_)));
    }
    return {{shape_, inputs[0].dtype}};
  }
  void cpu(Inputs inputs, Outputs outputs) const override {
    cpu::visit_floating(outputs[0].dtype, [&](auto zero) {
      cpu::binary_broadcast<First, decltype(zero)>({}, inputs[0], inputs[0], outputs[0]);
    });
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    return {sum_to(c.grads[0], c.inputs[0].shape())};
  }

 private:
  struct First {
    static constexpr double cost = 1;
    auto operator()(const auto& a, const auto&) const { return a; }
  };
  Shape shape_;
};

class RowNorm final : public Op {
 public:
  [[nodiscard]] const char* name() const override { return "row_norm"; }
  [[nodiscard]] std::vector<Spec> infer(std::span<const Spec> inputs) const override {
    cpu::require_floating(inputs);
    if (inputs[0].shape.rank() < 1) throw ShapeError("rank 0 has no rows; expected [B, ...]");
    return {{{inputs[0].shape[0]}, inputs[0].dtype}};
  }
  void cpu(Inputs inputs, Outputs outputs) const override {
    const int64_t rows = outputs[0].size(), columns = inputs[0].shape.size_from(1);
    const int64_t group = std::max<int64_t>(1, cpu::piece_elements / std::max<int64_t>(1, columns));
    cpu::visit_floating(outputs[0].dtype, [&](auto zero) {
      using T = decltype(zero);
      cpu::for_pieces((rows + group - 1) / group, static_cast<double>(inputs[0].size()), [&](int64_t p) {
        for (int64_t r = p * group; r < std::min(rows, (p + 1) * group); ++r) {
          const double squares = cpu::sum_run(inputs[0].as<T>() + r * columns, columns, [](double v) { return v * v; });
          outputs[0].as<T>()[r] = static_cast<T>(std::sqrt(squares));
        }
      });
    });
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    const Shape& shape = c.inputs[0].shape();
    std::vector<int64_t> column(static_cast<size_t>(shape.rank()), 1);
    column[0] = shape[0];
    return {c.inputs[0] * reshape(c.grads[0] * safe_reciprocal(c.outputs[0]), Shape(column))};
  }
};

}  // namespace

Tensor sum(const Tensor& x, std::vector<int> axes, bool keep) {
  std::vector<bool> reduced(static_cast<size_t>(x.rank()), axes.empty());
  for (const int axis : axes) reduced[static_cast<size_t>(x.shape().normalize_axis(axis))] = true;
  return apply1(std::make_shared<const Sum>(std::move(reduced), keep), {x});
}

Tensor mean(const Tensor& x, std::vector<int> axes, bool keep) {
  int64_t count = axes.empty() ? x.size() : 1;
  for (const int axis : axes) count *= x.shape()[axis];
  if (count == 0) throw ShapeError("mean: " + describe(x) + " has no elements to average");
  return sum(x, std::move(axes), keep) * (1 / static_cast<double>(count));
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
