#include "engine/in_place.h"

#include "engine/apply.h"
#include "engine/cpu/parallel.h"
#include "engine/target.h"
#include "engine/transfer.h"
#include "kernels/pointwise.h"

#include <utility>

namespace kantor {
namespace {

/// target <- decay target + weight source; 12 bytes an element.
class Blend final : public FloatingOp<Blend> {
 public:
  Blend(double decay, double weight) : decay_(decay), weight_(weight) {}
  [[nodiscard]] const char* name() const override { return "blend"; }
  [[nodiscard]] bool reads_outputs() const override { return true; }
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
  [[nodiscard]] bool reads_outputs() const override { return true; }
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
  for (size_t i = 0; i < grads.size(); ++i) {
    const ArenaRow& row = arena.rows()[i];
    if (grads[i].defined() && (grads[i].shape() != row.shape || grads[i].dtype() != arena.flat().dtype())) {
      throw ShapeError("store_gradients: " + describe(grads[i]) + " for the row " + row.name + " of shape " +
                       to_string(row.shape) + " in " + std::string(to_string(arena.flat().dtype())));
    }
    if (grads[i].defined() && grads[i].device() != arena.flat().device()) {
      throw DeviceError("store_gradients: " + describe(grads[i]) + " for the row " + row.name + " on " +
                        to_string(arena.flat().device()) + "; move it with to(device)");
    }
  }
  for (size_t i = 0; i < grads.size(); ++i) {
    if (grads[i].defined()) {
      copy_within(grads[i], arena.tensors()[i]);
    } else {
      fill(arena.tensors()[i], 0);
    }
  }
}

void blend(const Tensor& target, const Tensor& source, double decay, double weight) {
  apply_in_place(std::make_shared<const Blend>(decay, weight), {source}, {target});
}

void increment(const Tensor& counter) {
  apply_in_place(std::make_shared<const Increment>(), {}, {counter});
}

}  // namespace kantor
