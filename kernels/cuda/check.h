// Turns CUDA's failures into KernelErrors. Plain C++, for launches and for calls of CUDA's libraries.
#pragma once

#include "kernels/launcher.h"

#include <cuda_runtime_api.h>
#include <string>
#include <string_view>

namespace kantor::cuda {

/// Throws KernelError with CUDA's own message unless `status` is success.
inline void check(cudaError_t status, std::string_view kernel, const char* action) {
  if (status == cudaSuccess) return;
  throw KernelError("kernel " + std::string(kernel) + ": " + action + " failed: " + cudaGetErrorString(status));
}

/// Called after a launch: if launches are synchronous, waits for the kernel, and throws KernelError with its name if it
/// failed. Inside a capture nothing has run yet, and nothing may wait.
inline void wait_if_synchronous(Stream stream, std::string_view kernel) {
  if (!synchronous()) return;
  cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
  check(cudaStreamIsCapturing(stream, &capture), kernel, "asking its stream for a capture");
  if (capture == cudaStreamCaptureStatusNone) check(cudaStreamSynchronize(stream), kernel, "running it");
}

}  // namespace kantor::cuda
