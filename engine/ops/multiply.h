// Who computes a product on `cuda` or `sim`: NVIDIA's libraries, the tile engine, or the kernels before it, which also
// do float64 and what the tile engine refuses.
#pragma once

#include "engine/ops/library.h"
#include "engine/products.h"
#include "engine/runtime.h"
#include "engine/target.h"
#include "kernels/gemm.h"
#include "kernels/products/plan.h"

#include <type_traits>

namespace kantor {

/// Runs launch(plan, memory) with the plan and the memory for its splits, where the tile engine takes the product and
/// is to be used. Returns whether it did.
template <class Call, class Launch>
bool multiply_tiles(const Target& target, const ProductRoute& route, const Call& call, const Launch& launch) {
  if (!route.tiles) return false;
  const std::optional<ProductSize> size = size_of(call);
  if (!size) return false;
  const Processor processor = runtime(target.device).processor();
  const ProductPlan plan = plan_product(*size, *route.tiles, processor.multiprocessors, route.warpgroups);
  const Temporary workspace(target, plan.workspace * static_cast<int64_t>(sizeof(float)));
  launch(plan, SplitMemory{workspace.as<float>(), processor.arrived});
  return true;
}

/// C [m, n] = epilogue(op(A) op(B)).
template <class T>
void multiply(const Target& target, bool ta, bool tb, int64_t m, int64_t n, int64_t k, const T* a, const T* b,
              const Epilogue<T>& epilogue, T* c) {
  if (m * n == 0) return;
  if constexpr (std::is_same_v<T, float>) {
    const ProductRoute route = product_route(target.device);
    const GemmCall call{ta, tb, m, n, k, a, b, epilogue, c};
    if (!route.cublas && multiply_tiles(target, route, call, [&](const ProductPlan& plan, const SplitMemory& memory) {
          KANTOR_ON(target.backend, tile_gemm(call, plan, memory, target.stream));
        })) {
      return;
    }
  }
  if (gemm_by_library(target, ta, tb, m, n, k, a, b, epilogue, c)) return;
  KANTOR_ON(target.backend, gemm(ta, tb, m, n, k, a, b, epilogue, c, target.stream));
}

/// One pass of convolution, see kernels/conv2d.h.
template <class T>
void convolve(const Target& target, ConvPass pass, const ConvShape& shape, const ConvArrays<T>& arrays) {
  if (convolve_by_library(target, pass, shape, arrays)) return;
  const bool empty = shape.pixels() * shape.filters * shape.batch * shape.height * shape.width * shape.channels == 0;
  if constexpr (std::is_same_v<T, float>) {
    const ConvCall call{pass, shape, arrays.image, arrays.filter, arrays.output, arrays.epilogue};
    if (!empty && multiply_tiles(target, product_route(target.device), call,
                                 [&](const ProductPlan& plan, const SplitMemory& memory) {
                                   KANTOR_ON(target.backend, tile_conv2d(call, plan, memory, target.stream));
                                 })) {
      return;
    }
  }
  switch (pass) {
    case ConvPass::forward:
      KANTOR_ON(target.backend,
                conv2d(shape, arrays.image, arrays.filter, arrays.epilogue, arrays.output, target.stream));
      return;
    case ConvPass::input_grad:
      KANTOR_ON(target.backend,
                conv2d_input_grad(shape, arrays.output, arrays.filter, arrays.epilogue, arrays.image, target.stream));
      return;
    case ConvPass::weight_grad:
      const Temporary partial(target, weight_grad_workspace(shape) * static_cast<int64_t>(sizeof(T)));
      KANTOR_ON(target.backend, conv2d_weight_grad(shape, arrays.image, arrays.output, arrays.filter,
                                                   partial.template as<T>(), target.stream));
      return;
  }
}

}  // namespace kantor
