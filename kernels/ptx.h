// The instructions that CUDA C++ has no name for: asynchronous copies to shared memory, and the products of tensor
// cores. Inline PTX stands in this file and in ptx_cluster.h alone; each wrapper has a second body in kernels/sim,
// which the simulator runs. For kernel files. Sources: PTX ISA 8.0, "cp.async", "ldmatrix", "mma" and "wgmma", whose
// fragment layouts are repeated here.
//
// A GPU before Ampere (compute capability 8.0) has neither: there a copy is done at once, and a tensor core's product
// ends the kernel; launchers do not start one there. The asynchronous products of warpgroups (wgmma) are code for
// architecture 90a alone, which no other GPU runs: has_warpgroup_products says whether this is that code.
#pragma once

#include "kernels/backend.h"

#include <cstdint>

#ifndef __CUDACC__
#include "kernels/sim/async_copy.h"
#include "kernels/sim/tensor_core.h"
#include "kernels/sim/warpgroup.h"
#else
#include "kernels/matrix_descriptor.h"
#endif

namespace kantor::KANTOR_BACKEND {

#ifdef __CUDACC__

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
#define KANTOR_HAS_TENSOR_CORES 1
#endif
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
inline constexpr bool has_warpgroup_products = true;
#else
inline constexpr bool has_warpgroup_products = false;
#endif

/// An address in shared memory as copies take it: a register less than a pointer. Additions count floats.
struct SharedFloats {
  unsigned address;

  __device__ explicit SharedFloats(const float* p) : address(unsigned(__cvta_generic_to_shared(p))) {}
  __device__ SharedFloats operator+(int floats) const { return SharedFloats(address + unsigned(floats) * 4U); }
  /// The first address from here on that is a multiple of that many bytes, a power of two.
  __device__ SharedFloats aligned(unsigned bytes) const { return SharedFloats((address + bytes - 1U) & ~(bytes - 1U)); }

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

// The products of a warpgroup: 128 threads of four neighbouring warps multiply matrices in shared memory, while they go
// on; all of them reach each call. An operand is written by store_operand, with fence_operands after it, and a barrier
// before the product; fence_sums stands before the first product after the sums were touched. Operands and sums belong
// to the tensor cores until the wait for the products' group.

/// A matrix in shared memory, as kernels/matrix_descriptor.h describes it. Additions count bytes along k, multiples of
/// 16, and go on inside the rows.
struct OperandMatrix {
  uint64_t bits;

  __device__ OperandMatrix operator+(int bytes) const { return {bits + uint64_t(bytes / 16)}; }
};
/// Rows of row_bytes (64 or 128), one after the other, that begin at a multiple of 8 row_bytes.
template <int row_bytes>
__device__ __forceinline__ OperandMatrix operand_matrix(SharedFloats at) {
  return {matrix_descriptor(at.address, row_bytes)};
}
/// Writes `count` (2 or 4) neighbouring words of an operand.
template <int count>
__device__ __forceinline__ void store_operand(SharedFloats to, const uint32_t (&words)[count]) {
  static_assert(count == 2 || count == 4);
  if constexpr (count == 4) {
    asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(to.address), "r"(words[0]), "r"(words[1]),
                 "r"(words[2]), "r"(words[3])
                 : "memory");
  } else {
    asm volatile("st.shared.v2.b32 [%0], {%1, %2};" ::"r"(to.address), "r"(words[0]), "r"(words[1]) : "memory");
  }
}
/// Makes what this thread has stored visible to tensor cores, which read shared memory by another path than threads.
__device__ __forceinline__ void fence_operands() {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}
/// Orders what this thread did with the registers of its sums before the products that follow.
__device__ __forceinline__ void fence_sums() {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#endif
}
/// Closes the group of the products that were started since the last one.
__device__ __forceinline__ void commit_products() {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#endif
}
/// Waits until no more than the `pending` last groups are being multiplied.
template <int pending>
__device__ __forceinline__ void await_products() {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(pending) : "memory");
#endif
}

// clang-format off
#define KANTOR_64_OPERANDS \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15" \
  ", %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31" \
  ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47" \
  ", %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define KANTOR_128_OPERANDS KANTOR_64_OPERANDS \
  ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79" \
  ", %80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95" \
  ", %96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111" \
  ", %112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"
#define KANTOR_4_SUMS(u) "+f"(d[u][0]), "+f"(d[u][1]), "+f"(d[(u) + 1][0]), "+f"(d[(u) + 1][1])
#define KANTOR_16_SUMS(u) KANTOR_4_SUMS(u), KANTOR_4_SUMS((u) + 2), KANTOR_4_SUMS((u) + 4), KANTOR_4_SUMS((u) + 6)
#define KANTOR_64_SUMS(u) KANTOR_16_SUMS(u), KANTOR_16_SUMS((u) + 8), KANTOR_16_SUMS((u) + 16), KANTOR_16_SUMS((u) + 24)
// clang-format on

/// Starts d [64, n] += a [64, 8] b [8, n], n = 2 units, a and b [row][k] and [column][k] in shared memory: TF32
/// numbers, of which the 13 lowest bits are ignored. With w = warp mod 4, g = lane / 4 and t = lane mod 4: d[u] holds
/// (16 w + g + 8 (u mod 2), 8 (u / 2) + 2t) and its right neighbour.
template <int units>
__device__ __forceinline__ void start_product_tf32(float (&d)[units][2], OperandMatrix a, OperandMatrix b) {
  static_assert(units == 64 || units == 32);
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  if constexpr (units == 64) {
    asm volatile("wgmma.mma_async.sync.aligned.m64n256k8.f32.tf32.tf32 {" KANTOR_128_OPERANDS "}, %128, %129, 1, 1, 1;"
                 : KANTOR_64_SUMS(0), KANTOR_64_SUMS(32)
                 : "l"(a.bits), "l"(b.bits));
  } else {
    asm volatile("wgmma.mma_async.sync.aligned.m64n128k8.f32.tf32.tf32 {" KANTOR_64_OPERANDS "}, %64, %65, 1, 1, 1;"
                 : KANTOR_64_SUMS(0)
                 : "l"(a.bits), "l"(b.bits));
  }
#endif
}
/// The same of bfloat16, 16 along k.
template <int units>
__device__ __forceinline__ void start_product_bf16(float (&d)[units][2], OperandMatrix a, OperandMatrix b) {
  static_assert(units == 64 || units == 32);
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  if constexpr (units == 64) {
    asm volatile("wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 {" KANTOR_128_OPERANDS
                 "}, %128, %129, 1, 1, 1, 0, 0;"
                 : KANTOR_64_SUMS(0), KANTOR_64_SUMS(32)
                 : "l"(a.bits), "l"(b.bits));
  } else {
    asm volatile("wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {" KANTOR_64_OPERANDS
                 "}, %64, %65, 1, 1, 1, 0, 0;"
                 : KANTOR_64_SUMS(0)
                 : "l"(a.bits), "l"(b.bits));
  }
#endif
}
#undef KANTOR_64_OPERANDS
#undef KANTOR_128_OPERANDS
#undef KANTOR_4_SUMS
#undef KANTOR_16_SUMS
#undef KANTOR_64_SUMS

#endif

}  // namespace kantor::KANTOR_BACKEND
