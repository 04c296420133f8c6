// The memory of a GPU, for the calls of the ladder.
#include "kernels/cuda/check.h"
#include "kernels/ladder/call.h"

namespace kantor::ladder {
namespace {

void* allocate(size_t bytes) {
  void* data = nullptr;
  return cudaMalloc(&data, bytes) == cudaSuccess ? data : nullptr;
}
void release(void* data) {
  (void)cudaFree(data);  // what failed before is reported where it happened
}
void copy_in(void* device, const void* host, size_t bytes) {
  cuda::check(cudaMemcpy(device, host, bytes, cudaMemcpyHostToDevice), "of the ladder", "copying its arrays in");
}
void copy_out(void* host, const void* device, size_t bytes) {
  cuda::check(cudaMemcpy(host, device, bytes, cudaMemcpyDeviceToHost), "of the ladder", "copying its arrays out");
}

}  // namespace

const Memory& gpu_memory() {
  static const Memory memory{allocate, release, copy_in, copy_out};
  return memory;
}

}  // namespace kantor::ladder
