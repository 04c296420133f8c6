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
};

/// Starts a kernel. Arguments convert to the parameters' types. Throws KernelError if CUDA refuses the launch; failures
/// inside the kernel show at the stream's next synchronization, and here if launches are synchronous.
template <auto kernel, class... Args>
void launch(const LaunchShape& shape, Args&&... args) {
  constexpr size_t without_asking = 32 * 1024;  // every kernel has 48 KiB; static arrays use the rest
  constexpr std::string_view name = kernel_name<kernel>();
  if (shape.shared_bytes > without_asking) {
    check(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shape.shared_bytes)),
        name, "asking for its shared memory");
  }
  cudaLaunchConfig_t config{};
  config.gridDim = shape.grid;
  config.blockDim = shape.block;
  config.dynamicSmemBytes = shape.shared_bytes;
  config.stream = shape.stream;
  check(cudaLaunchKernelEx(&config, kernel, std::forward<Args>(args)...), name, "its launch");
  wait_if_synchronous(shape.stream, name);
}

/// The launch's dynamic shared memory, 16-byte aligned.
template <class T>
__device__ T* dynamic_shared() {
  extern __shared__ __align__(16) unsigned char dynamic_shared_bytes[];
  return reinterpret_cast<T*>(dynamic_shared_bytes);
}

}  // namespace kantor::cuda
