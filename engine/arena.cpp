#include "engine/arena.h"

#include "engine/cpu/parallel.h"
#include "engine/launch.h"
#include "engine/op.h"
#include "kernels/copy.h"
#include "kernels/pointwise.h"

#include <cstring>
#include <limits>
#include <utility>

namespace kantor {
namespace {

constexpr int64_t row_alignment = 16;  // elements: 64 bytes of float32

/// Gathers one tensor per row into the arena's order, zeros where a row has none.
class StoreGradients final : public OpOf<StoreGradients> {
 public:
  StoreGradients(std::vector<ArenaRow> rows, std::vector<int> input_of_row, Spec flat)
      : rows_(std::move(rows)), input_of_row_(std::move(input_of_row)), flat_(flat) {}
  [[nodiscard]] const char* name() const override { return "store_gradients"; }
  [[nodiscard]] std::vector<Spec> infer(std::span<const Spec>) const override { return {flat_}; }
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

  void device(Device device, Inputs inputs, Outputs outputs) const override {
    const Target target = target_of(device);
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
  Spec flat_;
};

/// target <- keep target + add source; 12 bytes an element.
class Blend final : public OpOf<Blend> {
 public:
  Blend(double keep, double add) : keep_(keep), add_(add) {}
  [[nodiscard]] const char* name() const override { return "blend"; }
  [[nodiscard]] std::vector<Spec> infer(std::span<const Spec> inputs) const override { return {inputs[0]}; }
  void cpu(Inputs inputs, Outputs outputs) const override {
    visit_floating(inputs[0].dtype, [&](auto zero) {
      using T = decltype(zero);
      const T keep = static_cast<T>(keep_), add = static_cast<T>(add_);
      const T* source = inputs[0].as<T>();
      T* target = outputs[0].as<T>();
      cpu::for_ranges(inputs[0].size(), 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) target[i] = keep * target[i] + add * source[i];
      });
    });
  }
  void device(Device device, Inputs inputs, Outputs outputs) const override {
    const Target target = target_of(device);
    visit_floating(inputs[0].dtype, [&](auto zero) {
      using T = decltype(zero);
      KANTOR_ON(target.backend,
                blend(inputs[0].as<T>(), outputs[0].as<T>(), keep_, add_, inputs[0].size(), target.stream));
    });
  }

 private:
  double keep_, add_;
};

}  // namespace

Arena::Arena(const std::vector<std::pair<std::string, Shape>>& tensors, TensorOptions options) {
  int64_t size = 0;
  for (const auto& [name, shape] : tensors) {
    rows_.push_back({name, shape, size, std::numeric_limits<double>::infinity()});
    size += (shape.size() + row_alignment - 1) / row_alignment * row_alignment;
  }
  flat_ = zeros({size}, options);
  for (const ArenaRow& row : rows_) tensors_.push_back(flat_.window(row.offset, row.shape));
}

int64_t Arena::parameter_count() const {
  int64_t count = 0;
  for (const ArenaRow& row : rows_) count += row.shape.size();
  return count;
}

int Arena::find(const std::string& name) const {
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (rows_[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

Arena Arena::like() const {
  std::vector<std::pair<std::string, Shape>> tensors;
  for (const ArenaRow& row : rows_) tensors.emplace_back(row.name, row.shape);
  return {tensors, {flat_.dtype(), flat_.device()}};
}

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
  const Spec flat{arena.flat().shape(), arena.flat().dtype()};
  apply_in_place(std::make_shared<const StoreGradients>(arena.rows(), input_of_row, flat), present, {arena.flat()});
}

void blend(const Tensor& target, const Tensor& source, double keep, double add) {
  apply_in_place(std::make_shared<const Blend>(keep, add), {source}, {target});
}

}  // namespace kantor
