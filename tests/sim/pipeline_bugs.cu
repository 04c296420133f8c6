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

}  // namespace

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
