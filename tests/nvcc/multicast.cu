// A cluster's load of rows, for multicast_test, which looks at what nvcc makes of it.
#include "kernels/backend.h"
#include "kernels/mlp_training/cluster_load.h"

namespace kantor::cuda {

__global__ void load_rows(bool on, const float* from, float* to) {
  float* shared = dynamic_shared<float>();
  ClusterLoad together(on, shared + 8 * 64);
  if (!together.on()) return;
  together.begin();
  if (threadIdx.x == 0) together.expect(8 * 64 * 4);
  fence_async_proxy();
  const int row = cluster_rank() + int(threadIdx.x) * cluster_blocks();
  if (row < 8) together.copy(shared + row * 64, from + row * 64, 64);
  together.await();
  to[blockIdx.x * blockDim.x + threadIdx.x] = shared[threadIdx.x];
  together.end();
}

}  // namespace kantor::cuda
