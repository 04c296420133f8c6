// GroupSort in groups of 2 (MaxMin; Anil, Lucas and Grosse 2019). One op exchanges pairs by the order of a key: sorting
// is x by itself, and each derivative is the same exchange of the gradient. It keeps the gradient's norm.
#include "kernels/group_sort.h"

#include "engine/cpu/parallel.h"
#include "engine/launch.h"
#include "engine/op.h"
#include "engine/ops.h"

#include <memory>

namespace kantor {
namespace {

class OrderPairs final : public Op {
 public:
  [[nodiscard]] const char* name() const override { return "order_pairs"; }
  [[nodiscard]] std::vector<Spec> infer(std::span<const Spec> inputs) const override {
    require_floating(inputs);
    if (inputs[0].shape != inputs[1].shape) throw ShapeError("the values and their key differ in shape");
    if (inputs[0].shape.rank() < 1 || inputs[0].shape[-1] % 2 != 0) {
      throw ShapeError("pairs need an even extent of the last axis");
    }
    return {inputs[0]};
  }
  void cpu(Inputs inputs, Outputs outputs) const override {
    visit_floating(outputs[0].dtype, [&](auto zero) {
      using T = decltype(zero);
      const T *x = inputs[0].as<T>(), *key = inputs[1].as<T>();
      T* y = outputs[0].as<T>();
      cpu::for_ranges(outputs[0].size(), 2, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i += 2) {
          const bool exchanged = key[i] > key[i + 1];
          y[i] = exchanged ? x[i + 1] : x[i];
          y[i + 1] = exchanged ? x[i] : x[i + 1];
        }
      });
    });
  }
  void device(Device device, Inputs inputs, Outputs outputs) const override {
    const Target target = target_of(device);
    visit_floating(outputs[0].dtype, [&](auto zero) {
      using T = decltype(zero);
      KANTOR_ON(target.backend, order_pairs(inputs[0].as<T>(), inputs[1].as<T>(), outputs[0].as<T>(),
                                            outputs[0].size() / 2, target.stream));
    });
  }
  /// The exchange is its own inverse and its own transpose; the key chooses, and has no derivative.
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    return {c.wanted[0] ? order_pairs(c.grads[0], c.inputs[1]) : Tensor(), Tensor()};
  }
};

}  // namespace

Tensor order_pairs(const Tensor& x, const Tensor& key) {
  return apply1(std::make_shared<const OrderPairs>(), {x, key});
}

}  // namespace kantor
