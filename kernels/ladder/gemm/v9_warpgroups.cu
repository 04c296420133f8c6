// Version 9: the asynchronous products of warpgroups (wgmma), TF32 on Hopper. In version 7 each warp carried its
// operands from shared memory to registers, and that was the limit: 24 passes for 16384 products. Here 128 threads
// start one product of 64 x 128 for 8 along k, and tensor cores read both operands from shared memory themselves, while
// the threads go on. Such a product reads 64 x 8 of A and 8 x 128 of B, 6 KiB or 48 clocks of shared memory, for 65536
// products, 64 clocks of tensor cores at 1024 a clock. With the copies, a stage of 32 along k takes 640 clocks of
// shared memory (384 of reads, and 32 KiB stored in 256) against 512 of tensor cores: the limit is 819 products a
// clock. (A tile of 128 x 256, which the engine has, comes to 1024 clocks of either.)
//
// Two warpgroups make a tile of 128 x 128, so the second-level cache gives 4 m n k (2/128) bytes, two thirds of version
// 7's: **1.20** times the floor instead of **1.60**, and **5,120** passes instead of **9,216**. For the size of the
// table that leaves **2** blocks: it is a version for large products. Sums are 64 registers a thread, and there are no
// fragments.
//
// Tensor cores want both operands along k, and cut what they read to TF32 instead of rounding it. So copies go through
// registers: 16 bytes are loaded from memory, rounded, and stored. B lies across k, so a thread loads a square of 4 x 4
// and stores its columns. Rows of 32 numbers, 128 bytes, lie one behind the other, with no gaps; to spread reads and
// writes over the banks, the eight pieces of 16 bytes of a row change places: piece p of row r is at p xor (r mod 8)
// (kernels/matrix_descriptor.h).
//
// There are three stages and one barrier a stage. Behind the barrier the products of a stage are started; while they
// run, the next stage is stored and the one after it is loaded from memory; then the threads wait for the products
// before these, whose stage is written next. So tensor cores always have a stage to do.
//
// This is code for architecture 90a: on other GPUs, and in a build without it, the version does not run. It takes n and
// k that are multiples of 4.
#include "kernels/ladder/rung.h"
#include "kernels/pack.h"
#include "kernels/products/products.h"
#include "kernels/ptx.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int rows = 128, columns = 128, depth = 32, threads = 256;  // of a block's tile, and of a stage
constexpr int left_floats = rows * depth, stage_floats = left_floats + columns * depth, stages = 3;
constexpr int atom = 1024;  // bytes of eight rows, at a multiple of which they begin
constexpr int pieces_of_row = depth / 4, lines = threads / pieces_of_row;

/// What a thread copies of a stage: piece `piece` of four rows of A, and a square of B, four k of four columns.
struct StageNumbers {
  float of_a[rows / lines][4], of_b[4][4];

  __device__ void load(const float* a, const float* b, int m, int n, int k, int row, int column, int at) {
#pragma unroll
    for (int i = 0; i < rows / lines; ++i) {
#pragma unroll
      for (int e = 0; e < 4; ++e) of_a[i][e] = 0.0F;
      if (row + i * lines < m && at < k) load_four(a + (row + i * lines) * k + at, of_a[i]);
    }
#pragma unroll
    for (int j = 0; j < 4; ++j) {
#pragma unroll
      for (int e = 0; e < 4; ++e) of_b[j][e] = 0.0F;
      if (at + j < k && column < n) load_four(b + (at + j) * n + column, of_b[j]);
    }
  }
  /// Writes both, rounded and permuted.
  __device__ void store(SharedFloats stage, int line, int piece) const {
#pragma unroll
    for (int i = 0; i < rows / lines; ++i) {
      const int row = line + i * lines;
      const uint32_t words[4] = {round_to_tf32(of_a[i][0]), round_to_tf32(of_a[i][1]), round_to_tf32(of_a[i][2]),
                                 round_to_tf32(of_a[i][3])};
      store_operand(stage + (row * depth + (piece ^ row % 8) * 4), words);
    }
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const int column = line * 4 + e;
      const uint32_t words[4] = {round_to_tf32(of_b[0][e]), round_to_tf32(of_b[1][e]), round_to_tf32(of_b[2][e]),
                                 round_to_tf32(of_b[3][e])};
      store_operand(stage + (left_floats + column * depth + (piece ^ column % 8) * 4), words);
    }
    fence_operands();
  }
};

__global__ void __launch_bounds__(threads, 2)
    gemm_warpgroup_kernel(const float* a, const float* b, float* c, int m, int n, int k) {
  if constexpr (!has_warpgroup_products) {
    __trap();  // `takes` does not let it start here
  } else {
    const SharedFloats shared = SharedFloats(dynamic_shared<float>()).aligned(atom);
    const int first_row = int(blockIdx.y) * rows, first_column = int(blockIdx.x) * columns;
    const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
    const int piece = thread % pieces_of_row, line = thread / pieces_of_row;
    const int steps = (k + depth - 1) / depth;
    StageNumbers numbers;
    const auto load = [&](int step) {
      numbers.load(a, b, m, n, k, first_row + line, first_column + line * 4, step * depth + piece * 4);
    };

    float sums[columns / 4][2] = {};
    load(0);
    numbers.store(shared, line, piece);
    if (steps > 1) load(1);
    int stage = 0;
#pragma unroll 1
    for (int step = 0; step < steps; ++step) {
      const int next = stage + 1 == stages ? 0 : stage + 1;
      __syncthreads();
      const OperandMatrix left = operand_matrix<depth * 4>(shared + (stage * stage_floats + warp / 4 * 64 * depth));
      const OperandMatrix right = operand_matrix<depth * 4>(shared + (stage * stage_floats + left_floats));
      fence_sums();
#pragma unroll
      for (int at = 0; at < depth * 4; at += 32) start_product_tf32(sums, left + at, right + at);
      commit_products();
      if (step + 1 < steps) numbers.store(shared + next * stage_floats, line, piece);
      if (step + 2 < steps) load(step + 2);
      await_products<1>();
      stage = next;
    }
    await_products<0>();

#pragma unroll
    for (int u = 0; u < columns / 4; ++u) {
      const int row = first_row + warp * 16 + u % 2 * 8 + lane / 4, column = first_column + u / 2 * 8 + lane % 4 * 2;
      if (row < m && column < n) *reinterpret_cast<float2*>(c + row * n + column) = make_float2(sums[u][0], sums[u][1]);
    }
  }
}

void run(const ladder::Arrays& a, Stream stream) {
  const int64_t m = a.sizes[0], n = a.sizes[1], k = a.sizes[2];
  launch<gemm_warpgroup_kernel>({dim3(blocks_for(n, columns), blocks_for(m, rows)), threads,
                                 atom + stages * stage_floats * sizeof(float), stream},
                                a.inputs[0], a.inputs[1], a.outputs[0], m, n, k);
}

KANTOR_RUNG(
    gemm, 9, "TF32 by warpgroups", run, .follows = 7, .error = 0x1p-10,
    .takes = [](const ladder::Sizes& s) { return s[1] % 4 == 0 && s[2] % 4 == 0 && tiles_by_warpgroups(); });

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
