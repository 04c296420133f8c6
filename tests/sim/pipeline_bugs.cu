#include "kernels/backend.h"
#include "kernels/ptx.h"
#include "tests/sim/pipeline_bugs.h"

#include <utility>

namespace kantor::sim::bugs {
namespace {

constexpr int stages = 8, width = 64, ring = 3;

template <Pipeline bug>
__global__ void pipeline_kernel(const float* x, float* y) {
  float* shared = dynamic_shared<float>();
  const SharedFloats to(shared);
  const int i = threadIdx.x, neighbour = (i + 1) % width;
  const auto fill = [&](int stage) {
    copy_async<1>(to + (stage % ring * width + i), x + stage * width + i, true);
    if (bug == Pipeline::misaligned && i == 0) copy_async<4>(to + 1, x, true);
  };
  fill(0);
  commit_copies();
  fill(1);
  commit_copies();
  float sum = 0;
  for (int stage = 0; stage < stages; ++stage) {
    await_copies<bug == Pipeline::wait_too_few ? ring - 1 : ring - 2>();
    if (bug != Pipeline::no_barrier) __syncthreads();
    const int next = bug == Pipeline::stage_too_far ? stage + 3 : stage + 2;
    if (next < stages) fill(next);
    commit_copies();
    sum += shared[stage % ring * width + neighbour];
  }
  if (bug == Pipeline::not_awaited)
    copy_async<1>(to + i, x + i, true);
  else
    await_copies<0>();
  y[i] = sum;
}

template <bool right>
__global__ void fragments_kernel(const float* a, const float* b, float* c) {
  const int g = threadIdx.x / 4, t = threadIdx.x % 4;
  uint32_t left[4] = {round_to_tf32(a[g * 8 + t]), round_to_tf32(a[(g + 8) * 8 + t]), round_to_tf32(a[g * 8 + t + 4]),
                      round_to_tf32(a[(g + 8) * 8 + t + 4])};
  if (!right) std::swap(left[1], left[2]);
  const uint32_t of_b[2] = {round_to_tf32(b[t * 8 + g]), round_to_tf32(b[(t + 4) * 8 + g])};
  float sums[4] = {};
  multiply_tf32(sums, left, of_b);
  for (int i = 0; i < 4; ++i) c[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = sums[i];
}

constexpr int group_rows = 64, group_columns = 128, group_depth = 32, group_stages = 6;
constexpr int group_size = (group_rows + group_columns) * group_depth;

template <Warpgroup bug>
__global__ void warpgroup_kernel(const float* x, float* c) {
  constexpr int slots = bug == Warpgroup::stage_overwritten ? 2 : 3, pieces = group_depth / 4;
  const SharedFloats shared =
      SharedFloats(dynamic_shared<float>()).aligned(1024) + (bug == Warpgroup::wrong_place ? group_depth : 0);
  const int thread = threadIdx.x;
  const auto store = [&](int stage) {
    for (int i = thread; i < group_size / 4; i += 128) {
      const int line = i / pieces, piece = i % pieces;
      const bool left = line < group_rows;
      const int row = left ? line : line - group_rows;
      uint32_t words[4];
      for (int e = 0; e < 4; ++e) {
        words[e] = round_to_tf32(x[stage_element(left ? stage : stage + group_stages, row, piece * 4 + e)]);
      }
      const int place = bug == Warpgroup::wrong_swizzle ? piece : piece ^ row % 8;
      store_operand(shared + (stage % slots * group_size + line * group_depth + place * 4), words);
    }
    if (bug != Warpgroup::no_operand_fence) fence_operands();
  };
  float sums[group_columns / 4][2] = {};
  store(0);
  for (int stage = 0; stage < group_stages; ++stage) {
    if (bug != Warpgroup::no_barrier) __syncthreads();
    const SharedFloats at = shared + stage % slots * group_size;
    const OperandMatrix a = operand_matrix<128>(at), b = operand_matrix<128>(at + group_rows * group_depth);
    if (bug != Warpgroup::no_sum_fence) fence_sums();
    for (int k = 0; k < group_depth * 4; k += 32) start_product_tf32(sums, a + k, b + k);
    commit_products();
    if (stage + 1 < group_stages) store(stage + 1);
    await_products<bug == Warpgroup::wait_too_few ? 2 : 1>();
  }
  if (bug != Warpgroup::sums_too_early) await_products<0>();
  for (int u = 0; u < group_columns / 4; ++u) {
    const int row = thread / 32 * 16 + thread % 32 / 4 + u % 2 * 8, column = u / 2 * 8 + thread % 4 * 2;
    for (int j = 0; j < 2; ++j) c[row * group_columns + column + j] = sums[u][j];
  }
}

}  // namespace

void warpgroup(Warpgroup bug, const float* x, float* c, Stream stream) {
  const LaunchShape shape{1, 128, 1024 + 128 + 3 * group_size * sizeof(float), stream};
  switch (bug) {
    case Warpgroup::right:
      return launch<warpgroup_kernel<Warpgroup::right>>(shape, x, c);
    case Warpgroup::wait_too_few:
      return launch<warpgroup_kernel<Warpgroup::wait_too_few>>(shape, x, c);
    case Warpgroup::stage_overwritten:
      return launch<warpgroup_kernel<Warpgroup::stage_overwritten>>(shape, x, c);
    case Warpgroup::sums_too_early:
      return launch<warpgroup_kernel<Warpgroup::sums_too_early>>(shape, x, c);
    case Warpgroup::no_barrier:
      return launch<warpgroup_kernel<Warpgroup::no_barrier>>(shape, x, c);
    case Warpgroup::no_operand_fence:
      return launch<warpgroup_kernel<Warpgroup::no_operand_fence>>(shape, x, c);
    case Warpgroup::no_sum_fence:
      return launch<warpgroup_kernel<Warpgroup::no_sum_fence>>(shape, x, c);
    case Warpgroup::wrong_swizzle:
      return launch<warpgroup_kernel<Warpgroup::wrong_swizzle>>(shape, x, c);
    case Warpgroup::wrong_place:
      return launch<warpgroup_kernel<Warpgroup::wrong_place>>(shape, x, c);
  }
}

void pipeline(Pipeline bug, const float* x, float* y, Stream stream) {
  const LaunchShape shape{1, width, ring * width * sizeof(float), stream};
  switch (bug) {
    case Pipeline::right:
      return launch<pipeline_kernel<Pipeline::right>>(shape, x, y);
    case Pipeline::wait_too_few:
      return launch<pipeline_kernel<Pipeline::wait_too_few>>(shape, x, y);
    case Pipeline::no_barrier:
      return launch<pipeline_kernel<Pipeline::no_barrier>>(shape, x, y);
    case Pipeline::stage_too_far:
      return launch<pipeline_kernel<Pipeline::stage_too_far>>(shape, x, y);
    case Pipeline::not_awaited:
      return launch<pipeline_kernel<Pipeline::not_awaited>>(shape, x, y);
    case Pipeline::misaligned:
      return launch<pipeline_kernel<Pipeline::misaligned>>(shape, x, y);
  }
}

void fragments(bool right, const float* a, const float* b, float* c, Stream stream) {
  right ? launch<fragments_kernel<true>>({1, 32, 0, stream}, a, b, c)
        : launch<fragments_kernel<false>>({1, 32, 0, stream}, a, b, c);
}

}  // namespace kantor::sim::bugs
