// The one header that a kernel file (.cu) includes. It means the same under nvcc and under the host compiler, which
// runs the kernels thread by thread on the CPU (kernels/sim).
//
//   kernels/fill.h   plain C++, which any file may include:
//     namespace kantor {
//     /// data[i] = value for i in [0, size).
//     KANTOR_LAUNCHERS(void fill(float* data, int64_t size, float value, Stream stream);)
//     }
//   kernels/fill.cu  compiled twice, into kantor::sim and kantor::cuda:
//     #include "kernels/backend.h"
//     #include "kernels/fill.h"
//     namespace kantor::KANTOR_BACKEND {
//     namespace {
//     __global__ void fill_kernel(float* data, int64_t size, float value) { ... }
//     }
//     void fill(float* data, int64_t size, float value, Stream stream) {
//       if (size == 0) return;  // an empty grid is an error
//       launch<fill_kernel>({blocks_for(size, 256), 256, 0, stream}, data, size, value);
//     }
//     }
//
// What it gives, in kantor::KANTOR_BACKEND:
//   launch<kernel>({grid, block, shared_bytes, stream}, args...)   never <<<>>>; the kernel's name goes into errors
//   dynamic_shared<T>()                                            the launch's shared_bytes; never extern __shared__
// and CUDA's keywords, types, barriers, collectives and intrinsics. In the simulator these are in kantor::sim, so
// kernels are there too, in an anonymous namespace (without one AddressSanitizer cannot watch their shared arrays).
#pragma once

#include "kernels/launcher.h"

#ifdef __CUDACC__
#define KANTOR_BACKEND cuda
#include "kernels/cuda/launch.h"
#else
#define KANTOR_BACKEND sim
#include "kernels/sim/atomics.h"
#include "kernels/sim/collectives.h"
#include "kernels/sim/intrinsics.h"
#include "kernels/sim/launch.h"
#include "kernels/sim/words.h"
#endif
