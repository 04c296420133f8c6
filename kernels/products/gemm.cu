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

}  // namespace

int tile_capability() {
#ifdef __CUDACC__
  using Problem = MatrixProduct<false, false>;
  cudaFuncAttributes attributes{};
  check(cudaFuncGetAttributes(&attributes, tile_kernel<Arithmetic::float32, 0, 4, 4, Problem>), "the tile kernel",
        "asking what it was compiled for");
  return attributes.ptxVersion;
#else
  return 90;
#endif
}

void tile_gemm(const GemmCall& c, const ProductPlan& plan, const SplitMemory& memory, Stream stream) {
  if (c.m * c.n == 0) return;
  if (c.transpose_a && c.transpose_b) throw KernelError("the tile engine does not multiply two transposed matrices");
  const auto go = c.transpose_a ? start<true, false> : c.transpose_b ? start<false, true> : start<false, false>;
  go(c, {plan, memory, c.epilogue, c.c, c.m * c.n, c.m, c.n, 1, stream});
}

}  // namespace kantor::KANTOR_BACKEND
