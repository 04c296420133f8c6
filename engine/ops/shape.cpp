// Shape: views (reshape, slices of axis 0) and copies (transpose, concat, other slices, rows by index).
#include "engine/cpu/transpose.h"
#include "engine/ops.h"
#include "engine/ops/copy_op.h"
#include "engine/ops/pointwise_op.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <numeric>
#include <tuple>

namespace kantor {
namespace {

/// Calls fn(T{}) with the element type, int64 included: for ops that only move elements.
template <class F>
void visit_any(DType dtype, const F& fn) {
  if (dtype == DType::int64) return fn(int64_t{});
  visit_floating(dtype, fn);
}

class Reshape final : public OpOf<Reshape> {
 public:
  explicit Reshape(const Shape& shape) : shape_(shape) {}
  [[nodiscard]] const char* name() const override { return "reshape"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    if (inputs[0].shape.size() != shape_.size()) {
      throw ShapeError(fmt::format("{} has {} elements, {} has {}", to_string(inputs[0].shape), inputs[0].shape.size(),
                                   to_string(shape_), shape_.size()));
    }
    return {{shape_, inputs[0].dtype}};
  }
  void cpu(Inputs, Outputs) const override {}
  [[nodiscard]] std::optional<Value> alias(std::span<const Tensor> inputs) const override {
    Value value = inputs[0].value();
    value.shape = shape_;
    return value;
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    return {reshape(c.grads[0], c.inputs[0].shape())};
  }

 private:
  Shape shape_;
};

class Transpose final : public OpOf<Transpose> {
 public:
  explicit Transpose(std::vector<int> order) : order_(std::move(order)) {}
  [[nodiscard]] const char* name() const override { return "transpose"; }
  [[nodiscard]] auto attributes() const { return std::tuple(order_); }
  [[nodiscard]] Rows rows(std::span<const TensorSpec>) const override {
    return !order_.empty() && order_[0] == 0 ? first_by_row(1) : Rows{};
  }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    std::vector<int> sorted = order_, axes(static_cast<size_t>(inputs[0].shape.rank()));
    std::sort(sorted.begin(), sorted.end());
    std::iota(axes.begin(), axes.end(), 0);
    if (sorted != axes) throw ShapeError("the order is not a permutation of the axes");
    std::vector<int64_t> extents;
    for (const int axis : order_) extents.push_back(inputs[0].shape[axis]);
    return {{Shape(extents), inputs[0].dtype}};
  }
  void cpu(Inputs inputs, Outputs outputs) const override {
    visit_any(outputs[0].dtype, [&](auto zero) {
      using T = decltype(zero);
      cpu::transpose(inputs[0].as<T>(), inputs[0].shape, order_, outputs[0].as<T>());
    });
  }
  void device(const Target& target, Inputs inputs, Outputs outputs) const override {
    CopyShape shape;
    shape.rank = static_cast<int>(order_.size());
    for (int axis = 0; axis < shape.rank; ++axis) {
      shape.extents[axis] = outputs[0].shape[axis];
      shape.source_strides[axis] = inputs[0].shape.size_from(order_[static_cast<size_t>(axis)] + 1);
      shape.target_strides[axis] = outputs[0].shape.size_from(axis + 1);
    }
    launch_copy(target, inputs[0], outputs[0], shape);
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    std::vector<int> inverse(order_.size());
    for (size_t i = 0; i < order_.size(); ++i) inverse[static_cast<size_t>(order_[i])] = static_cast<int>(i);
    return {transpose(c.grads[0], inverse)};
  }

 private:
  std::vector<int> order_;
};

/// Copies `count` runs of `run` elements between two strides.
template <class T>
void copy_runs(const T* source, int64_t source_stride, T* target, int64_t target_stride, int64_t run, int64_t count) {
  if (run == 0) return;
  const int64_t group = std::max<int64_t>(1, cpu::piece_elements / run);
  cpu::for_pieces((count + group - 1) / group, static_cast<double>(run * count) / 2, [&](int64_t p) {
    for (int64_t i = p * group; i < std::min(count, (p + 1) * group); ++i) {
      std::copy_n(source + i * source_stride, run, target + i * target_stride);
    }
  });
}

class Concat final : public OpOf<Concat> {
 public:
  explicit Concat(int axis) : axis_(axis) {}
  [[nodiscard]] const char* name() const override { return "concat"; }
  [[nodiscard]] bool stacks_rows() const override { return axis_ == 0; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs);
    int64_t total = 0;
    for (const TensorSpec& input : inputs) {
      if (input.shape.rank() != inputs[0].shape.rank() ||
          input.shape.with(axis_, 0) != inputs[0].shape.with(axis_, 0)) {
        throw ShapeError(fmt::format("shapes differ off axis {}", axis_));
      }
      total += input.shape[axis_];
    }
    return {{inputs[0].shape.with(axis_, total), inputs[0].dtype}};
  }
  void cpu(Inputs inputs, Outputs outputs) const override {
    visit_floating(outputs[0].dtype, [&](auto zero) {
      using T = decltype(zero);
      const int64_t stride = outputs[0].shape.size_from(axis_);
      const int64_t count = stride == 0 ? 0 : outputs[0].size() / stride;
      T* target = outputs[0].as<T>();
      for (const View& input : inputs) {
        const int64_t run = input.shape.size_from(axis_);
        copy_runs(input.as<T>(), run, target, stride, run, count);
        target += run;
      }
    });
  }
  void device(const Target& target, Inputs inputs, Outputs outputs) const override {
    const int64_t stride = outputs[0].shape.size_from(axis_);
    const int64_t count = stride == 0 ? 0 : outputs[0].size() / stride;
    int64_t offset = 0;
    for (const View& input : inputs) {
      const int64_t run = input.shape.size_from(axis_);
      launch_copy(target, input, outputs[0], copy_of_runs(run, stride, run, count), 0, offset);
      offset += run;
    }
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    std::vector<Tensor> grads;
    int64_t begin = 0;
    for (size_t i = 0; i < c.inputs.size(); ++i) {
      const int64_t extent = c.inputs[i].shape()[axis_];
      grads.push_back(c.wanted[i] ? slice(c.grads[0], axis_, begin, begin + extent) : Tensor());
      begin += extent;
    }
    return grads;
  }

 private:
  int axis_;
};

class Slice final : public OpOf<Slice> {
 public:
  Slice(int axis, int64_t begin, int64_t end) : axis_(axis), begin_(begin), end_(end) {}
  [[nodiscard]] const char* name() const override { return "slice"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    const int64_t extent = inputs[0].shape[axis_];
    if (begin_ < 0 || begin_ > end_ || end_ > extent) {
      throw ShapeError(fmt::format("[{}, {}) of axis {}, which has {} elements", begin_, end_, axis_, extent));
    }
    return {{inputs[0].shape.with(axis_, end_ - begin_), inputs[0].dtype}};
  }
  void cpu(Inputs inputs, Outputs outputs) const override {
    visit_any(outputs[0].dtype, [&](auto zero) {
      using T = decltype(zero);
      const int64_t stride = inputs[0].shape.size_from(axis_), run = outputs[0].shape.size_from(axis_);
      const int64_t offset = begin_ * inputs[0].shape.size_from(axis_ + 1);
      if (run > 0) copy_runs(inputs[0].as<T>() + offset, stride, outputs[0].as<T>(), run, run, outputs[0].size() / run);
    });
  }
  void device(const Target& target, Inputs inputs, Outputs outputs) const override {
    const int64_t stride = inputs[0].shape.size_from(axis_), run = outputs[0].shape.size_from(axis_);
    if (run == 0) return;
    launch_copy(target, inputs[0], outputs[0], copy_of_runs(stride, run, run, outputs[0].size() / run),
                begin_ * inputs[0].shape.size_from(axis_ + 1));
  }
  [[nodiscard]] std::optional<Value> alias(std::span<const Tensor> inputs) const override {
    if (axis_ != 0) return std::nullopt;
    Value value = inputs[0].value();
    value.offset += begin_ * value.shape.size_from(1);
    value.shape = value.shape.with(0, end_ - begin_);
    return value;
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    return {slice_backward(c.grads[0], axis_, begin_, c.inputs[0].shape()[axis_])};
  }

 private:
  int axis_;
  int64_t begin_, end_;
};

class SliceBackward final : public OpOf<SliceBackward> {
 public:
  SliceBackward(int axis, int64_t begin, int64_t total) : axis_(axis), begin_(begin), total_(total) {}
  [[nodiscard]] const char* name() const override { return "slice_backward"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs);
    const int64_t extent = inputs[0].shape[axis_];
    if (begin_ < 0 || begin_ > total_ || extent > total_ - begin_) {
      throw ShapeError(fmt::format("{} elements at {} do not fit into {}", extent, begin_, total_));
    }
    return {{inputs[0].shape.with(axis_, total_), inputs[0].dtype}};
  }
  void cpu(Inputs inputs, Outputs outputs) const override {
    visit_floating(outputs[0].dtype, [&](auto zero) {
      using T = decltype(zero);
      const int64_t stride = outputs[0].shape.size_from(axis_), run = inputs[0].shape.size_from(axis_);
      const int64_t offset = begin_ * outputs[0].shape.size_from(axis_ + 1);
      std::fill_n(outputs[0].as<T>(), outputs[0].size(), T(0));
      if (run > 0) copy_runs(inputs[0].as<T>(), run, outputs[0].as<T>() + offset, stride, run, inputs[0].size() / run);
    });
  }
  void device(const Target& target, Inputs inputs, Outputs outputs) const override {
    const int64_t stride = outputs[0].shape.size_from(axis_), run = inputs[0].shape.size_from(axis_);
    visit_floating(outputs[0].dtype, [&](auto zero) {
      KANTOR_ON(target.backend, fill(outputs[0].as<decltype(zero)>(), zero, outputs[0].size(), target.stream));
    });
    if (run == 0) return;
    launch_copy(target, inputs[0], outputs[0], copy_of_runs(run, stride, run, inputs[0].size() / run), 0,
                begin_ * outputs[0].shape.size_from(axis_ + 1));
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    return {slice(c.grads[0], axis_, begin_, begin_ + c.inputs[0].shape()[axis_])};
  }

 private:
  int axis_;
  int64_t begin_, total_;
};

void require_index(std::span<const TensorSpec> inputs) {
  require_floating(inputs.first(1));
  if (inputs[0].shape.rank() < 1) throw ShapeError("rank 0 has no rows");
  if (inputs[1].dtype != DType::int64 || inputs[1].shape.rank() != 1) {
    throw DTypeError("the index must be int64 of rank 1");
  }
}

int64_t checked(int64_t index, int64_t rows, const char* op) {
  if (index < 0 || index >= rows) {
    throw ShapeError(fmt::format("{}: index {} outside the {} rows", op, index, rows));
  }
  return index;
}

class GatherRows final : public FloatingOp<GatherRows> {
 public:
  [[nodiscard]] const char* name() const override { return "gather_rows"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_index(inputs);
    return {{inputs[0].shape.with(0, inputs[1].shape[0]), inputs[0].dtype}};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    const int64_t run = inputs[0].shape.size_from(1);
    const int64_t count = inputs[1].size(),
                  group = std::max<int64_t>(1, cpu::piece_elements / std::max<int64_t>(1, run));
    cpu::for_pieces((count + group - 1) / group, static_cast<double>(outputs[0].size()) / 2, [&](int64_t p) {
      for (int64_t i = p * group; i < std::min(count, (p + 1) * group); ++i) {
        const int64_t row = checked(inputs[1].as<int64_t>()[i], inputs[0].shape[0], name());
        std::copy_n(inputs[0].as<T>() + row * run, run, outputs[0].as<T>() + i * run);
      }
    });
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    KANTOR_ON(target.backend,
              gather_rows(inputs[0].as<T>(), inputs[1].as<int64_t>(), outputs[0].as<T>(), inputs[0].shape[0],
                          inputs[1].size(), inputs[0].shape.size_from(1), target.stream));
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    return {scatter_add_rows(c.grads[0], c.inputs[1], c.inputs[0].shape()[0]), Tensor()};
  }
};

class ScatterAddRows final : public FloatingOp<ScatterAddRows> {
 public:
  explicit ScatterAddRows(int64_t rows) : rows_(rows) {}
  [[nodiscard]] const char* name() const override { return "scatter_add_rows"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_index(inputs);
    if (inputs[0].shape[0] != inputs[1].shape[0]) throw ShapeError("one index per row is needed");
    return {{inputs[0].shape.with(0, rows_), inputs[0].dtype}};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    const int64_t run = inputs[0].shape.size_from(1);
    std::fill_n(outputs[0].as<T>(), outputs[0].size(), T(0));
    for (int64_t i = 0; i < inputs[1].size(); ++i) {  // in order: several rows may be added to one
      T* target = outputs[0].as<T>() + checked(inputs[1].as<int64_t>()[i], rows_, name()) * run;
      const T* source = inputs[0].as<T>() + i * run;
      for (int64_t k = 0; k < run; ++k) target[k] += source[k];
    }
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    KANTOR_ON(target.backend, scatter_add_rows(inputs[0].as<T>(), inputs[1].as<int64_t>(), outputs[0].as<T>(), rows_,
                                               inputs[1].size(), inputs[0].shape.size_from(1), target.stream));
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    return {gather_rows(c.grads[0], c.inputs[1]), Tensor()};
  }

 private:
  int64_t rows_;
};

}  // namespace

Tensor reshape(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  return apply1(std::make_shared<const Reshape>(shape), {x});
}

Tensor transpose(const Tensor& x, std::vector<int> order) {
  return apply1(std::make_shared<const Transpose>(std::move(order)), {x});
}

Tensor concat(const std::vector<Tensor>& xs, int axis) {
  if (xs.empty()) throw ShapeError("concat of no tensors");
  return apply1(std::make_shared<const Concat>(xs[0].shape().normalize_axis(axis)), xs);
}

Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end) {
  return apply1(std::make_shared<const Slice>(x.shape().normalize_axis(axis), begin, end), {x});
}

Tensor slice_backward(const Tensor& x, int axis, int64_t begin, int64_t total) {
  return apply1(std::make_shared<const SliceBackward>(x.shape().normalize_axis(axis), begin, total), {x});
}

Tensor gather_rows(const Tensor& x, const Tensor& index) {
  return apply1(std::make_shared<const GatherRows>(), {x, index});
}

Tensor scatter_add_rows(const Tensor& x, const Tensor& index, int64_t rows) {
  return apply1(std::make_shared<const ScatterAddRows>(rows), {x, index});
}

}  // namespace kantor
