// The instructions that CUDA C++ has no name for: asynchronous copies to shared memory, and the products of tensor
// cores. Inline PTX stands in this file alone; each wrapper has a second body in kernels/sim, which the simulator runs.
// For kernel files. Sources: PTX ISA 8.0, "cp.async", "ldmatrix" and "mma", whose fragment layouts are repeated here.
//
// A GPU before Ampere (compute capability 8.0) has neither: there a copy is done at once, and a tensor core's product
// ends the kernel; launchers do not start one there.
#pragma once

#include "kernels/backend.h"

#include <cstdint>

#ifndef __CUDACC__
#include "kernels/sim/async_copy.h"
#include "kernels/sim/tensor_core.h"
#endif

namespace kantor::KANTOR_BACKEND {

#ifdef __CUDACC__

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
#define KANTOR_HAS_TENSOR_CORES 1
#endif

/// An address in shared memory as copies take it: a register less than a pointer. Additions count floats.
struct SharedFloats {
  unsigned address;

  __device__ explicit SharedFloats(const float* p) : address(unsigned(__cvta_generic_to_shared(p))) {}
  __device__ SharedFloats operator+(int floats) const { return SharedFloats(address + unsigned(floats) * 4U); }

 private:
  __device__ explicit SharedFloats(unsigned at) : address(at) {}
};

/// Starts the copy of `count` floats (1 or 4) from global memory, or zeros where `inside` is false; both addresses are
/// multiples of its size. It has landed after the wait for its group.
template <int count>
__device__ __forceinline__ void copy_async(SharedFloats to, const float* from, bool inside) {
#ifdef KANTOR_HAS_TENSOR_CORES
  const int bytes = inside ? count * 4 : 0;
  if constexpr (count == 4) {
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(to.address), "l"(from), "r"(bytes)
                 : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to.address), "l"(from), "r"(bytes) : "memory");
  }
#else
  float* shared = static_cast<float*>(__cvta_shared_to_generic(to.address));
  for (int i = 0; i < count; ++i) shared[i] = inside ? from[i] : 0.0F;
#endif
}
/// Closes the group of the copies that this thread has started since the last one.
__device__ __forceinline__ void commit_copies() {
#ifdef KANTOR_HAS_TENSOR_CORES
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
/// Waits until no more than the `pending` last groups of this thread are on their way.
template <int pending>
__device__ __forceinline__ void await_copies() {
#ifdef KANTOR_HAS_TENSOR_CORES
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
#endif
}

/// Reads four 8 x 4 matrices of floats from shared memory. Lane l gives the address of row l mod 8 of matrix l / 8,
/// 16 bytes, and gets element l mod 4 of row l / 4 of each matrix.
__device__ __forceinline__ void load_matrices(const float* row, float (&element)[4]) {
#ifdef KANTOR_HAS_TENSOR_CORES
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=f"(element[0]), "=f"(element[1]), "=f"(element[2]), "=f"(element[3])
               : "r"(unsigned(__cvta_generic_to_shared(row)))
               : "memory");
#else
  __trap();
#endif
}

/// d [16, 8] += a [16, 8] b [8, 8], a and b bits of TF32 numbers, of which the 13 lowest are ignored. With g = lane / 4
/// and t = lane mod 4: a holds (g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4); b holds (t, g), (t + 4, g); d holds
/// (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1).
__device__ __forceinline__ void multiply_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#ifdef KANTOR_HAS_TENSOR_CORES
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  __trap();
#endif
}
/// d [16, 8] += a [16, 16] b [16, 8] of pairs of bfloat16, the first in the low half. a holds the pairs from k = 2t on
/// of rows g and g + 8, then from 2t + 8 on; b those of column g from 2t and from 2t + 8 on; d as above.
__device__ __forceinline__ void multiply_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#ifdef KANTOR_HAS_TENSOR_CORES
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  __trap();
#endif
}

/// x rounded to TF32, ties away from zero.
__device__ __forceinline__ uint32_t round_to_tf32(float x) {
  uint32_t rounded = 0;
#ifdef KANTOR_HAS_TENSOR_CORES
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(x));
#else
  __trap();
#endif
  return rounded;
}
/// Two numbers rounded to bfloat16, ties to even, `low` in the low half.
__device__ __forceinline__ uint32_t round_to_bf16(float low, float high) {
  uint32_t pair = 0;
#ifdef KANTOR_HAS_TENSOR_CORES
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
#else
  __trap();
#endif
  return pair;
}

#endif

}  // namespace kantor::KANTOR_BACKEND
