// What the header of a kernel family needs: streams, errors, costs, and a launcher's declaration for both backends.
// Plain C++, read by nvcc, by the simulator's build and by the engine alike. See docs/kernels/index.md for the pattern.
#pragma once

#include "kernels/error.h"

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>

struct CUstream_st;  // CUDA's name for it, so that a Stream passes to CUDA's functions without a cast

namespace kantor {

/// A queue of device work; null is the default one. cudaStream_t on a GPU, an opaque handle in the simulator.
using Stream = CUstream_st*;

/// What the kernels are compiled for: the simulator on the CPU, or a GPU.
enum class Backend : uint8_t { sim, cuda };

/// Whether every launch on a GPU waits for its kernel, so that a failure has the kernel's name: KANTOR_SYNC=1 in the
/// environment, read once.
inline bool synchronous() {
  static const bool on = [] {
    const char* value = std::getenv("KANTOR_SYNC");
    return value != nullptr && std::string(value) == "1";
  }();
  return on;
}

/// The least that a launch has to do: bytes read and written in device memory, and floating-point operations.
struct Cost {
  int64_t bytes = 0;
  int64_t flops = 0;
};

/// ceil(items / per_block) as a launch's grid. Throws KernelError past 2^31 - 1 blocks.
inline unsigned blocks_for(int64_t items, int64_t per_block) {
  const int64_t blocks = (items + per_block - 1) / per_block;
  if (items < 0 || blocks > std::numeric_limits<int32_t>::max()) {
    throw KernelError(std::to_string(items) + " items at " + std::to_string(per_block) +
                      " a block: a grid holds 0 to 2147483647 blocks");
  }
  return static_cast<unsigned>(blocks);
}

}  // namespace kantor

/// Declares launchers, written once, in kantor::sim and in kantor::cuda. Use it inside namespace kantor.
#define KANTOR_LAUNCHERS(...) \
  namespace sim {             \
  __VA_ARGS__                 \
  }                           \
  namespace cuda {            \
  __VA_ARGS__                 \
  }

/// Calls a launcher of the given backend: KANTOR_ON(backend, sum(x, size, partials, out, stream)). A build without
/// CUDA has only the simulator's launchers; one for WebAssembly (KANTOR_NO_KERNELS) has none.
#if defined(KANTOR_NO_KERNELS)
#define KANTOR_ON(backend, ...) (::kantor::refuse_kernels(backend, #__VA_ARGS__), ::kantor::sim::__VA_ARGS__)
namespace kantor {
[[noreturn]] inline void refuse_kernels(Backend /*backend*/, const char* call) {
  throw KernelError(std::string(call) + ": this build holds no kernels; it computes on the CPU");
}
}  // namespace kantor
#elif defined(KANTOR_HAS_CUDA)
#define KANTOR_ON(backend, ...) \
  ((backend) == ::kantor::Backend::cuda ? ::kantor::cuda::__VA_ARGS__ : ::kantor::sim::__VA_ARGS__)
#else
#define KANTOR_ON(backend, ...) (::kantor::require_simulator(backend, #__VA_ARGS__), ::kantor::sim::__VA_ARGS__)
namespace kantor {
inline void require_simulator(Backend backend, const char* call) {
  if (backend != Backend::sim) {
    throw KernelError(std::string(call) + ": this build holds no CUDA kernels; configure it with KANTOR_CUDA=ON");
  }
}
}  // namespace kantor
#endif
