// CUDA's keywords, types and index variables for the host compiler. A minimal set of our own, so that the simulator
// needs no CUDA toolkit; in kantor::sim, so that it does not collide with one.
#pragma once

#define __global__
#define __device__
#define __host__
#define __constant__
#define __launch_bounds__(...)
#define __grid_constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(bytes) __attribute__((aligned(bytes)))

// Under AddressSanitizer, shared memory is one section, which is filled with NaN before each block, except the arrays
// of template kernels, whose section g++ ignores. Else each host thread has its own, so that blocks run in parallel;
// the race checker finds it among the thread's variables, and reports reads there of what no thread wrote.
#if defined(KANTOR_SIM_CHECKED) && !defined(KANTOR_SIM_RACES)
#define __shared__ static __attribute__((section("kantor_sim_shared")))
#else
#define __shared__ static thread_local
#endif

namespace kantor::sim {

struct uint3 {
  unsigned x, y, z;
};

struct dim3 {
  unsigned x, y, z;
  // NOLINTNEXTLINE: implicit, as CUDA's is
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
  friend constexpr bool operator==(const dim3&, const dim3&) = default;
};

// Vector types with CUDA's alignment: float4 loads 16 bytes at once, and UBSan finds a misaligned one.
#define KANTOR_SIM_VECTORS(T, name)                      \
  struct name##2 {                                       \
    alignas(2 * sizeof(T)) T x;                          \
    T y;                                                 \
  };                                                     \
  struct name##3 {                                       \
    T x, y, z;                                           \
  };                                                     \
  struct name##4 {                                       \
    alignas(sizeof(T) < 8 ? 4 * sizeof(T) : 16) T x;     \
    T y, z, w;                                           \
  };                                                     \
  constexpr name##2 make_##name##2(T x, T y) {           \
    return {x, y};                                       \
  }                                                      \
  constexpr name##3 make_##name##3(T x, T y, T z) {      \
    return {x, y, z};                                    \
  }                                                      \
  constexpr name##4 make_##name##4(T x, T y, T z, T w) { \
    return {x, y, z, w};                                 \
  }
KANTOR_SIM_VECTORS(float, float)
KANTOR_SIM_VECTORS(double, double)
KANTOR_SIM_VECTORS(int, int)
KANTOR_SIM_VECTORS(long long, longlong)
KANTOR_SIM_VECTORS(unsigned char, uchar)
#undef KANTOR_SIM_VECTORS

struct uint2 {
  alignas(8) unsigned x;
  unsigned y;
};
struct uint4 {
  alignas(16) unsigned x;
  unsigned y, z, w;
};
constexpr uint2 make_uint2(unsigned x, unsigned y) {
  return {x, y};
}
constexpr uint3 make_uint3(unsigned x, unsigned y, unsigned z) {
  return {x, y, z};
}
constexpr uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) {
  return {x, y, z, w};
}

// Set by the scheduler at every switch of threads. Real variables, so that a debugger shows them.
inline constinit thread_local uint3 threadIdx{}, blockIdx{};
inline constinit thread_local dim3 blockDim{}, gridDim{};
inline constexpr int warpSize = 32;

}  // namespace kantor::sim
