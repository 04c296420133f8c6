#include "kernels/backend.h"
#include "kernels/ptx_cluster.h"
#include "tests/sim/multicast_bugs.h"

namespace kantor::sim::bugs {
namespace {

constexpr int width = 64, size = multicast_rows * width;

__device__ float column_sum(const float* matrix) {
  float sum = 0;
  for (int row = 0; row < multicast_rows; ++row) sum += matrix[row * width + threadIdx.x];
  return sum;
}

template <MulticastBug bug>
__global__ void multicast_kernel(float* x, const float* z, float* y) {
  using enum MulticastBug;
  float* shared = dynamic_shared<float>();
  auto* barrier = reinterpret_cast<uint64_t*>(shared + size + (bug == misaligned_barrier ? 1 : 0));
  const int t = int(threadIdx.x), rank = cluster_rank(), blocks = cluster_blocks();
  if (bug == no_first_barrier) cluster_barrier();
  if (t == 0) {
    mbarrier_init(barrier + (bug == no_barrier_there ? 1 : 0), 1);
    if (bug != no_init_fence) fence_mbarrier_init();
  }
  if (bug == overwritten && t == 0) shared[size] = 1;
  if (bug == fence_too_early) fence_async_proxy();
  if (bug != no_first_barrier) cluster_barrier();
  if (bug == no_first_barrier) __syncthreads();
  const auto load = [&](const float* from) {
    constexpr int announced = bug == too_few_bytes    ? size * 4 - 16
                              : bug == a_copy_too_few ? size * 4 - width * 4
                              : bug == too_many_bytes ? size * 4 + 16
                                                      : size * 4;
    if (t == 0) mbarrier_expect(barrier, announced);
    const int row = rank + t * blocks;
    if (row >= multicast_rows) return;
    if (bug != no_proxy_fence && bug != fence_too_early) fence_async_proxy();
    const int place = row * width + (bug == misaligned_target ? 1 : 0) + (bug == outside ? size : 0);
    copy_bulk(shared + place, from + row * width, width * 4 - (bug == misaligned_bytes ? 8 : 0), barrier,
              (bug == no_such_block ? 2U << unsigned(blocks) : 1U << unsigned(blocks)) - 1U);
  };
  load(x);
  if (bug == source_changes && t == 63) x[rank * width] = 0;
  const float early = bug == early_read ? column_sum(shared) : 0;
  if (bug != one_waits || t == 0) mbarrier_wait(barrier, 0);
  if (bug != one_waits) __syncthreads();
  float sum = bug == early_read ? early : column_sum(shared);
  if (bug == no_meeting) {
    __syncthreads();
  } else {
    cluster_barrier();
  }
  if (bug == one_ends && rank == blocks - 1) return;
  load(z);
  if (bug == late_read) sum = column_sum(shared);
  if (bug != no_wait) mbarrier_wait(barrier, bug == same_parity ? 0 : 1);
  __syncthreads();
  y[int(blockIdx.x) * width + t] = 2 * sum + column_sum(shared);
}

}  // namespace

void multicast(MulticastBug bug, float* x, const float* z, float* y, int blocks, unsigned cluster, Stream stream) {
  const LaunchShape shape{unsigned(blocks), width, (size + 4) * sizeof(float), stream, false, cluster};
  switch (bug) {
#define KANTOR_CASE(name)  \
  case MulticastBug::name: \
    return launch<multicast_kernel<MulticastBug::name>>(shape, x, z, y);
    KANTOR_CASE(nothing)
    KANTOR_CASE(no_wait)
    KANTOR_CASE(same_parity)
    KANTOR_CASE(no_meeting)
    KANTOR_CASE(late_read)
    KANTOR_CASE(early_read)
    KANTOR_CASE(one_waits)
    KANTOR_CASE(source_changes)
    KANTOR_CASE(too_few_bytes)
    KANTOR_CASE(a_copy_too_few)
    KANTOR_CASE(too_many_bytes)
    KANTOR_CASE(misaligned_target)
    KANTOR_CASE(misaligned_bytes)
    KANTOR_CASE(misaligned_barrier)
    KANTOR_CASE(no_barrier_there)
    KANTOR_CASE(no_init_fence)
    KANTOR_CASE(no_first_barrier)
    KANTOR_CASE(no_proxy_fence)
    KANTOR_CASE(fence_too_early)
    KANTOR_CASE(overwritten)
    KANTOR_CASE(one_ends)
    KANTOR_CASE(no_such_block)
    KANTOR_CASE(outside)
#undef KANTOR_CASE
  }
}

}  // namespace kantor::sim::bugs
