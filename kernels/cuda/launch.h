// Launching on a GPU: CUDA's headers, launch and dynamic_shared. Seen by nvcc only.
#pragma once

#include "kernels/cuda/check.h"
#include "kernels/kernel_name.h"
#include "kernels/launcher.h"

#include <cuda_runtime.h>
#include <utility>

namespace kantor::cuda {

/// Blocks, threads of a block, bytes of dynamic shared memory, and the stream of one launch.
struct LaunchShape {
  dim3 grid, block;
  size_t shared_bytes = 0;
  Stream stream = nullptr;
  bool cooperative = false;  // all blocks are resident at once, and may wait for each other
  unsigned cluster = 1;      // neighbouring blocks along x that are resident at once (kernels/ptx_cluster.h), 1 to 8
};

/// Lets a kernel have this much dynamic shared memory.
template <auto kernel>
void allow_shared(size_t bytes) {
  constexpr size_t without_asking = 32 * 1024;  // every kernel has 48 KiB; static arrays use the rest
  if (bytes <= without_asking) return;
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)),
        kernel_name<kernel>(), "asking for its shared memory");
}

/// Neighbouring blocks along x as clusters.
inline cudaLaunchAttribute cluster_attribute(unsigned blocks) {
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim.x = blocks;
  attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
  return attribute;
}

/// Starts a kernel. Arguments convert to the parameters' types. Throws KernelError if CUDA refuses the launch; failures
/// inside the kernel show at the stream's next synchronization, and here if launches are synchronous.
template <auto kernel, class... Args>
void launch(const LaunchShape& shape, Args&&... args) {
  constexpr std::string_view name = kernel_name<kernel>();
  allow_shared<kernel>(shape.shared_bytes);
  cudaLaunchConfig_t config{};
  config.gridDim = shape.grid;
  config.blockDim = shape.block;
  config.dynamicSmemBytes = shape.shared_bytes;
  config.stream = shape.stream;
  cudaLaunchAttribute attributes[2];
  config.attrs = attributes;
  if (shape.cooperative) {
    cudaLaunchAttribute& cooperative = attributes[config.numAttrs++];
    cooperative.id = cudaLaunchAttributeCooperative;
    cooperative.val.cooperative = 1;
  }
  if (shape.cluster > 1) attributes[config.numAttrs++] = cluster_attribute(shape.cluster);
  check(cudaLaunchKernelEx(&config, kernel, std::forward<Args>(args)...), name, "its launch");
  wait_if_synchronous(shape.stream, name);
}

/// Blocks of this kernel that can be resident at once on the current device: the most of a cooperative launch. In
/// clusters there are fewer, as a cluster's multiprocessors are neighbours; 0 where the device, or the code that runs
/// on it, knows no clusters.
template <auto kernel>
int resident_blocks(int threads, size_t shared_bytes, unsigned cluster = 1) {
  constexpr std::string_view name = kernel_name<kernel>();
  allow_shared<kernel>(shared_bytes);
  int device = 0, processors = 0, blocks = 0;
  check(cudaGetDevice(&device), name, "asking for the device");
  if (cluster > 1) {
    int possible = 0, clusters = 0;
    cudaFuncAttributes attributes{};
    check(cudaDeviceGetAttribute(&possible, cudaDevAttrClusterLaunch, device), name, "asking for clusters");
    check(cudaFuncGetAttributes(&attributes, kernel), name, "asking what it was compiled for");
    if (possible == 0 || attributes.ptxVersion < 90) return 0;
    cudaLaunchAttribute attribute = cluster_attribute(cluster);
    cudaLaunchConfig_t config{};
    config.gridDim = dim3(cluster);
    config.blockDim = dim3(unsigned(threads));
    config.dynamicSmemBytes = shared_bytes;
    config.attrs = &attribute;
    config.numAttrs = 1;
    check(cudaOccupancyMaxActiveClusters(&clusters, kernel, &config), name, "asking for its clusters");
    return clusters * int(cluster);
  }
  check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device), name, "asking for its processors");
  check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, threads, shared_bytes), name,
        "asking for its occupancy");
  return blocks * processors;
}

/// The launch's dynamic shared memory, 16-byte aligned.
template <class T>
__device__ T* dynamic_shared() {
  extern __shared__ __align__(16) unsigned char dynamic_shared_bytes[];
  return reinterpret_cast<T*>(dynamic_shared_bytes);
}

}  // namespace kantor::cuda
