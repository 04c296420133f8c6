#include "engine/in_place.h"

#include "engine/apply.h"
#include "engine/cpu/parallel.h"
#include "engine/target.h"
#include "kernels/copy.h"
#include "kernels/pointwise.h"

#include <cstring>
#include <utility>

namespace kantor {
namespace {

/// Gathers one tensor per row into the arena's order, zeros where a row has none.
class StoreGradients final : public OpOf<StoreGradients> {
 public:
  StoreGradients(std::vector<ArenaRow> rows, std::vector<int> input_of_row, TensorSpec flat)
      : rows_(std::move(rows)), input_of_row_(std::move(input_of_row)), flat_(flat) {}
  [[nodiscard]] const char* name() const override { return "store_gradients"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec>) const override { return {flat_}; }
  void cpu(Inputs inputs, Outputs outputs) const override {
    const size_t element = size_of(flat_.dtype);
    auto* target = static_cast<std::byte*>(outputs[0].data);
    cpu::for_pieces(static_cast<int64_t>(rows_.size()), static_cast<double>(flat_.shape.size()) / 8, [&](int64_t r) {
      const ArenaRow& row = rows_[static_cast<size_t>(r)];
      const int input = input_of_row_[static_cast<size_t>(r)];
      std::byte* place = target + static_cast<size_t>(row.offset) * element;
      const size_t bytes = static_cast<size_t>(row.shape.size()) * element;
      if (bytes == 0) return;
      if (input < 0) {
        std::memset(place, 0, bytes);
      } else {
        std::memcpy(place, inputs[static_cast<size_t>(input)].data, bytes);
      }
    });
  }

  void device(const Target& target, Inputs inputs, Outputs outputs) const override {
    visit_floating(flat_.dtype, [&](auto zero) {
      using T = decltype(zero);
      for (size_t r = 0; r < rows_.size(); ++r) {
        T* place = outputs[0].as<T>() + rows_[r].offset;
        const int64_t size = rows_[r].shape.size();
        if (input_of_row_[r] < 0) {
          KANTOR_ON(target.backend, fill(place, zero, size, target.stream));
        } else {
          const T* gradient = inputs[static_cast<size_t>(input_of_row_[r])].as<T>();
          KANTOR_ON(target.backend, strided_copy(gradient, place, CopyShape{1, {size}, {1}, {1}}, size, target.stream));
        }
      }
    });
  }

 private:
  std::vector<ArenaRow> rows_;
  std::vector<int> input_of_row_;
  TensorSpec flat_;
};

/// target <- decay target + weight source; 12 bytes an element.
class Blend final : public FloatingOp<Blend> {
 public:
  Blend(double decay, double weight) : decay_(decay), weight_(weight) {}
  [[nodiscard]] const char* name() const override { return "blend"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override { return {inputs[0]}; }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    const T decay = static_cast<T>(decay_), weight = static_cast<T>(weight_);
    const T* source = inputs[0].as<T>();
    T* target = outputs[0].as<T>();
    cpu::for_ranges(inputs[0].size(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) target[i] = decay * target[i] + weight * source[i];
    });
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    KANTOR_ON(target.backend,
              blend(inputs[0].as<T>(), outputs[0].as<T>(), decay_, weight_, inputs[0].size(), target.stream));
  }

 private:
  double decay_, weight_;
};

/// Adds one to a counter in place.
class Increment final : public OpOf<Increment> {
 public:
  [[nodiscard]] const char* name() const override { return "increment"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec>) const override {
    return {{Shape{}, DType::int64}};
  }
  void cpu(Inputs, Outputs outputs) const override { ++*outputs[0].as<int64_t>(); }
  void device(const Target& target, Inputs, Outputs outputs) const override {
    KANTOR_ON(target.backend, increment(outputs[0].as<int64_t>(), target.stream));
  }
};

}  // namespace

void store_gradients(const std::vector<Tensor>& grads, const Arena& arena) {
  if (grads.size() != arena.rows().size()) {
    throw ShapeError("store_gradients: " + std::to_string(grads.size()) + " gradients for an arena of " +
                     std::to_string(arena.rows().size()) + " tensors; give one per row");
  }
  std::vector<Tensor> present;
  std::vector<int> input_of_row;
  for (size_t i = 0; i < grads.size(); ++i) {
    const ArenaRow& row = arena.rows()[i];
    if (!grads[i].defined()) {
      input_of_row.push_back(-1);
      continue;
    }
    if (grads[i].shape() != row.shape || grads[i].dtype() != arena.flat().dtype()) {
      throw ShapeError("store_gradients: " + describe(grads[i]) + " for the row " + row.name + " of shape " +
                       to_string(row.shape) + " in " + std::string(to_string(arena.flat().dtype())));
    }
    input_of_row.push_back(static_cast<int>(present.size()));
    present.push_back(grads[i]);
  }
  const TensorSpec flat{arena.flat().shape(), arena.flat().dtype()};
  apply_in_place(std::make_shared<const StoreGradients>(arena.rows(), input_of_row, flat), present, {arena.flat()});
}

void blend(const Tensor& target, const Tensor& source, double decay, double weight) {
  apply_in_place(std::make_shared<const Blend>(decay, weight), {source}, {target});
}

void increment(const Tensor& counter) {
  apply_in_place(std::make_shared<const Increment>(), {}, {counter});
}

}  // namespace kantor
