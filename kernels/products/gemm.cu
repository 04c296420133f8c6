// Matrix products by the tile engine (kernels/products/tile_kernel.h).
#include "kernels/backend.h"
#include "kernels/products/launch_tiles.h"

namespace kantor::KANTOR_BACKEND {
namespace {

template <bool transpose_a, bool transpose_b>
using MatrixProduct = OneProduct<Matrix<!transpose_a>, Matrix<transpose_b>>;

template <bool transpose_a, bool transpose_b>
void start(const GemmCall& c, const TileLaunch& launch) {
  launch_product(
      MatrixProduct<transpose_a, transpose_b>{
          {c.a, int(transpose_a ? c.m : c.k)}, {c.b, int(transpose_b ? c.k : c.n)}, int(c.m), int(c.n), int(c.k)},
      launch);
}

#ifdef __CUDACC__
/// Of which architecture the driver has chosen the code shows in the kernel's shared memory: a GPU of compute
/// capability 9.0 runs code for 90 and for 90a.
constexpr int mark_of_warpgroups = 64;
__global__ void architecture_kernel(int* out) {
  __shared__ volatile int mark[has_warpgroup_products ? mark_of_warpgroups : 1];
  mark[0] = 1;
  if (out != nullptr) *out = mark[0];
}

cudaFuncAttributes attributes_of(const void* kernel) {
  cudaFuncAttributes attributes{};
  check(cudaFuncGetAttributes(&attributes, kernel), "the tile kernel", "asking what it was compiled for");
  return attributes;
}
#endif

}  // namespace

#ifdef __CUDACC__
int tile_capability() {
  using Problem = MatrixProduct<false, false>;
  return attributes_of(reinterpret_cast<const void*>(&tile_kernel<Arithmetic::float32, 0, 4, 4, Problem>)).ptxVersion;
}
bool tiles_by_warpgroups() {
  return attributes_of(reinterpret_cast<const void*>(&architecture_kernel)).sharedSizeBytes >=
         mark_of_warpgroups * sizeof(int);
}
#else
int tile_capability() {
  return 90;
}
bool tiles_by_warpgroups() {
  return true;
}
#endif

void tile_gemm(const GemmCall& c, const ProductPlan& plan, const SplitMemory& memory, Stream stream) {
  if (c.m * c.n == 0) return;
  if (c.transpose_a && c.transpose_b) throw KernelError("the tile engine does not multiply two transposed matrices");
  const auto go = c.transpose_a ? start<true, false> : c.transpose_b ? start<false, true> : start<false, false>;
  go(c, {plan, memory, c.epilogue, c.c, c.m * c.n, c.m, c.n, 1, stream});
}

}  // namespace kantor::KANTOR_BACKEND
