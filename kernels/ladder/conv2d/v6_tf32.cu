// Version 6: tensor cores. An instruction of a warp (mma.sync) makes 1024 products where a multiply-add makes 32. Its
// operands are TF32, float32 with 10 bits of mantissa (11 with the leading one, which is not stored): numbers are
// rounded to nearest as they come from shared memory, and a product is off by up to 2^-10 of itself. Sums are float32.
//
// Tiles, stages, copies and sizes are those of version 5, on GPUs from Ampere on. So are the bytes from the
// second-level cache; they now have to come eight times as fast, or tensor cores wait for them. Four warps make 64 x 32
// each, 4 x 4 instructions for 8 along k. The pieces of operands that the lanes of an instruction hold are fixed, and
// there are two ways to them. From an operand along k, ldmatrix gives a warp four 8 x 4 matrices in an instruction,
// four passes over shared memory. From one that lies across, lanes read single numbers, (k, row) = (lane mod 4, lane /
// 4): 32 of them a pass. The gaps of register_tile.h suit both: rows of 36 numbers begin 4 banks apart, and rows of 136
// or 72 numbers 8 banks apart. Either way a warp reads 16 + 8 passes for 16384 products. In a stage of 32 along k that
// is 384 clocks of shared memory, and 192 more for the 24 KiB that copies write, where tensor cores could be done in
// 256: the limit is 455 products a clock and multiprocessor, 3.6 times that of multiply-adds. Pass 0 of the table takes
// **7,488** passes instead of **29,120**.
#include "kernels/ladder/conv2d/register_tile.h"
#include "kernels/ladder/conv2d/windows.h"
#include "kernels/ladder/rung.h"
#include "kernels/products/products.h"
#include "kernels/ptx.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int warp_rows = 64, warp_columns = 32;                 // of a warp's part
constexpr int down = warp_rows / 16, across = warp_columns / 8;  // instructions for each 8 along k

template <class Pass>
class TensorCoreSums {
  static constexpr int a_stride = stage_stride<typename Pass::Left, tile_rows>;
  static constexpr int b_stride = stage_stride<typename Pass::Right, tile_columns>;

 public:
  /// Adds the products of a stage.
  __device__ void multiply(const float* a, const float* b) {
#pragma unroll 1
    for (int i = 0; i < stage_depth; i += 8) {
      uint32_t right[across][2];
      read_right(b, i, right);
#pragma unroll
      for (int p = 0; p < down; ++p) {
        uint32_t left[4];
        read_left(a, i, p, left);
#pragma unroll
        for (int q = 0; q < across; ++q) multiply_tf32(sums_[p][q], left, right[q]);
      }
    }
  }

  /// A lane has two neighbours of row lane / 4 and two of the row 8 below.
  __device__ void store(const Pass& pass, int first_row, int first_column, float* out) const {
#pragma unroll
    for (int p = 0; p < down; ++p) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = first_row + warp_row() + p * 16 + half * 8 + lane() / 4;
        if (row >= pass.m) continue;
        float* const to = out + pass.place(row);
#pragma unroll
        for (int q = 0; q < across; ++q) {
          const int column = first_column + warp_column() + q * 8 + lane() % 4 * 2;
          const float two[2] = {sums_[p][q][half * 2], sums_[p][q][half * 2 + 1]};
          if (pass.n % 2 == 0) {
            if (column < pass.n) *reinterpret_cast<float2*>(to + column) = make_float2(two[0], two[1]);
          } else {  // rows begin at odd places
            if (column < pass.n) to[column] = two[0];
            if (column + 1 < pass.n) to[column + 1] = two[1];
          }
        }
      }
    }
  }

 private:
  __device__ static int lane() {
    return int(threadIdx.x) % 32;
  }
  __device__ static int warp_row() {
    return int(threadIdx.x) / 32 / (tile_columns / warp_columns) * warp_rows;
  }
  __device__ static int warp_column() {
    return int(threadIdx.x) / 32 % (tile_columns / warp_columns) * warp_columns;
  }

  /// (g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4) of rows and k, g = lane / 4, t = lane mod 4.
  __device__ static void read_left(const float* a, int i, int p, uint32_t (&out)[4]) {
    float four[4];
    const int row = warp_row() + p * 16;
    if constexpr (Pass::Left::along_k) {
      load_matrices(a + (row + lane() % 16) * a_stride + i + lane() / 16 * 4, four);
    } else {
      const float* const at = a + (i + lane() % 4) * a_stride + row + lane() / 4;
      four[0] = at[0];
      four[1] = at[8];
      four[2] = at[4 * a_stride];
      four[3] = at[4 * a_stride + 8];
    }
#pragma unroll
    for (int e = 0; e < 4; ++e) out[e] = round_to_tf32(four[e]);
  }
  /// (t, g), (t + 4, g) of k and columns, of four instructions.
  __device__ static void read_right(const float* b, int i, uint32_t (&out)[across][2]) {
#pragma unroll
    for (int q = 0; q < across; q += 2) {
      float four[4];
      const int column = warp_column() + q * 8;
      if constexpr (Pass::Right::along_k) {
        load_matrices(b + (column + lane() % 8 + lane() / 16 * 8) * b_stride + i + lane() / 8 % 2 * 4, four);
      } else {
        const float* const at = b + (i + lane() % 4) * b_stride + column + lane() / 4;
        four[0] = at[0];
        four[1] = at[4 * b_stride];
        four[2] = at[8];
        four[3] = at[4 * b_stride + 8];
      }
#pragma unroll
      for (int e = 0; e < 4; ++e) out[q + e / 2][e % 2] = round_to_tf32(four[e]);
    }
  }

  float sums_[down][across][4] = {};
};

template <class Pass>
__global__ void __launch_bounds__(tile_threads, 3)
    conv_tf32_kernel(ConvSizes c, const float* first, const float* second, float* out) {
  const Pass pass(c, first, second, blockIdx.z);
  const int first_row = int(blockIdx.y) * tile_rows, first_column = int(blockIdx.x) * tile_columns;
  if (first_row >= pass.m) return;  // the whole block: a smaller class
  constexpr int left_floats = operand_floats<typename Pass::Left, tile_rows>;
  float* const shared = dynamic_shared<float>();
  const SharedFloats stages(shared);
  const StagePieces<typename Pass::Left, tile_rows> left(pass.left, first_row, pass.m);
  const StagePieces<typename Pass::Right, tile_columns> right(pass.right, first_column, pass.n);
  const auto fill = [&](int stage, int k0) {
    const auto copy_to = [](SharedFloats to) {
      return [to](int place, const float* from, bool inside) { copy_async<4>(to + place, from, inside); };
    };
    left.each(k0, pass.k, copy_to(stages + stage * stage_size<Pass>));
    right.each(k0, pass.k, copy_to(stages + (stage * stage_size<Pass> + left_floats)));
    commit_copies();
  };

  TensorCoreSums<Pass> sums;
  if (pass.k > 0) fill(0, 0);
  int stage = 0;
  for (int k0 = 0; k0 < pass.k; k0 += stage_depth) {
    await_copies<0>();
    __syncthreads();
    if (k0 + stage_depth < pass.k) fill(1 - stage, k0 + stage_depth);
    sums.multiply(shared + stage * stage_size<Pass>, shared + stage * stage_size<Pass> + left_floats);
    stage = 1 - stage;
  }
  sums.store(pass, first_row, first_column, out);
}

void run(const ladder::Arrays& a, Stream stream) {
  const ConvShape shape = ladder::conv2d::shape_of(a.sizes);
  const ConvPass pass = ladder::conv2d::pass_of(a.sizes);
  const PassSizes sizes = pass_sizes(pass, shape);
  with_pass(pass, [&](auto type) {
    using Pass = typename decltype(type)::type;
    launch<conv_tf32_kernel<Pass>>(
        {dim3(blocks_for(sizes.columns, tile_columns), blocks_for(sizes.rows, tile_rows), blocks_for(sizes.parts, 1)),
         tile_threads, 2 * stage_size<Pass> * sizeof(float), stream},
        conv_sizes(shape), a.inputs[0], a.inputs[1], a.outputs[0]);
  });
}

KANTOR_RUNG(
    conv2d, 6, "TF32 on tensor cores", run, .error = 0x1p-10,
    .takes = [](const ladder::Sizes& s) { return in_fours(s) && tile_capability() >= 80; });

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
