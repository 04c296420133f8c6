#include "kernels/backend.h"
#include "kernels/ptx_cluster.h"
#include "tests/sim/cluster_bugs.h"

namespace kantor::sim::bugs {
namespace {

/// y of a block = 2 x of the block before it in the cluster + x of the one after it: the first is stored into its
/// memory, the other loaded from there.
template <ClusterBug bug>
__global__ void pass_on_kernel(const float* x, float* y) {
  float* own = dynamic_shared<float>();
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x), t = int(threadIdx.x);
  const int rank = cluster_rank(), blocks = cluster_blocks();
  own[64 + t] = x[i];
  if (bug == ClusterBug::one_stays_away && rank == blocks - 1) return;
  if (bug != ClusterBug::no_first_barrier) cluster_barrier();
  store_peer(own + (bug == ClusterBug::outside ? 128 : 0) + t,
             bug == ClusterBug::no_such_rank ? blocks : (rank + 1) % blocks, 2 * own[64 + t]);
  if (bug == ClusterBug::half_stays_away && rank == 0 && t >= 32) return;
  if (bug == ClusterBug::two_barriers && rank % 2 == 1) {
    cluster_barrier();
  } else if (bug != ClusterBug::no_barrier) {
    cluster_barrier();
  }
  y[i] = own[t] + load_peer(own + 64 + t, (rank + 1) % blocks);
  if (bug != ClusterBug::no_last_barrier) cluster_barrier();
}

template <bool transitive>
__global__ void sum_in_steps_kernel(const float* x, float* parts, unsigned* arrivals, float* y) {
  float* own = dynamic_shared<float>();
  const int rank = cluster_rank(), size = cluster_blocks(), clusters = int(gridDim.x) / size;
  if (threadIdx.x == 0) parts[blockIdx.x] = x[blockIdx.x];
  cluster_barrier();
  if (rank == 0 && threadIdx.x == 0) {
    if (transitive) __threadfence();
    atomicAdd(arrivals, 1U);
    await_count(arrivals, unsigned(clusters));
    atomicOr(arrivals, 0U);
    __threadfence();
    float sum = 0;
    for (unsigned b = 0; b < gridDim.x; ++b) sum += parts[b];
    for (int r = 0; r < size; ++r) store_peer(own, r, sum);
  }
  cluster_barrier();
  if (threadIdx.x == 0) y[blockIdx.x] = own[0] - parts[(blockIdx.x + 1) % gridDim.x];
}

__global__ void empty_kernel() {}

/// Not a template: g++ puts no shared array of one where AddressSanitizer's build looks.
__global__ void static_in_cluster_kernel(float* y) {
  __shared__ float values[64];
  values[threadIdx.x] = 1.0F;
  cluster_barrier();
  y[blockIdx.x * blockDim.x + threadIdx.x] = values[threadIdx.x];
}

}  // namespace

void pass_on(ClusterBug bug, const float* x, float* y, int blocks, unsigned cluster, bool cooperative, Stream stream) {
  const LaunchShape shape{unsigned(blocks), 64, 128 * sizeof(float), stream, cooperative, cluster};
  switch (bug) {
#define KANTOR_CASE(name) \
  case ClusterBug::name:  \
    return launch<pass_on_kernel<ClusterBug::name>>(shape, x, y);
    KANTOR_CASE(nothing)
    KANTOR_CASE(no_barrier)
    KANTOR_CASE(no_first_barrier)
    KANTOR_CASE(no_last_barrier)
    KANTOR_CASE(one_stays_away)
    KANTOR_CASE(half_stays_away)
    KANTOR_CASE(two_barriers)
    KANTOR_CASE(outside)
    KANTOR_CASE(no_such_rank)
#undef KANTOR_CASE
  }
}

void sum_in_steps(bool transitive, const float* x, float* parts, unsigned* arrivals, float* y, int blocks,
                  unsigned cluster, Stream stream) {
  const LaunchShape shape{unsigned(blocks), 32, sizeof(float), stream, true, cluster};
  if (transitive) return launch<sum_in_steps_kernel<true>>(shape, x, parts, arrivals, y);
  launch<sum_in_steps_kernel<false>>(shape, x, parts, arrivals, y);
}

void cluster_does_not_divide(Stream stream) {
  launch<empty_kernel>({6, 32, 0, stream, false, 4});
}
void cluster_too_large(Stream stream) {
  launch<empty_kernel>({18, 32, 0, stream, false, 9});
}
void static_in_cluster(float* y, Stream stream) {
  launch<static_in_cluster_kernel>({2, 64, 0, stream, false, 2}, y);
}

}  // namespace kantor::sim::bugs
