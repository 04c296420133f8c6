// The processor's peak: multiply-adds in registers alone. 24 independent sums hide the latency of two units; a compiler
// may neither drop them, as their total is used, nor take them apart, as their start is not known to it.
#include "bench/machine.h"
#include "engine/threads.h"
#include "kernels/host/threads.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>

namespace kantor {
namespace {

constexpr int sums = 24;

__attribute__((target("avx512f"))) float by_avx512(int64_t rounds, float start) {
  __m512 sum[sums];
  for (__m512& s : sum) s = _mm512_set1_ps(start);
  const __m512 a = _mm512_set1_ps(0.5F), b = _mm512_set1_ps(start);
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 24
    for (int k = 0; k < sums; ++k) sum[k] = _mm512_fmadd_ps(sum[k], a, b);
  }
  __m512 total = sum[0];
  for (int k = 1; k < sums; ++k) total = _mm512_add_ps(total, sum[k]);
  float values[16];
  _mm512_storeu_ps(values, total);
  float result = 0;
  for (const float value : values) result += value;
  return result;
}

// 16 registers: 12 sums, and room for the operands.
__attribute__((target("avx2,fma"))) float by_avx2(int64_t rounds, float start) {
  constexpr int half = sums / 2;
  __m256 sum[half];
  for (__m256& s : sum) s = _mm256_set1_ps(start);
  const __m256 a = _mm256_set1_ps(0.5F), b = _mm256_set1_ps(start);
  for (int64_t i = 0; i < 2 * rounds; ++i) {
#pragma GCC unroll 12
    for (int k = 0; k < half; ++k) sum[k] = _mm256_fmadd_ps(sum[k], a, b);
  }
  __m256 total = sum[0];
  for (int k = 1; k < half; ++k) total = _mm256_add_ps(total, sum[k]);
  float values[8];
  _mm256_storeu_ps(values, total);
  float result = 0;
  for (const float value : values) result += value;
  return result;
}

}  // namespace

double peak_flops(double seconds) {
  __builtin_cpu_init();
  const bool wide = __builtin_cpu_supports("avx512f");
  if (!wide && !(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))) return 0;
  const auto loop = wide ? by_avx512 : by_avx2;
  constexpr int64_t rounds = 100'000;  // a millisecond or less
  const double flops = 2.0 * sums * (wide ? 16 : 8) * static_cast<double>(rounds);
  const int64_t pieces = threads();
  std::vector<float> kept(static_cast<size_t>(pieces));
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  double best = 0;
  do {
    const auto start = Clock::now();
    host::for_each_piece(pieces, [&](int64_t p) {
      float& mine = kept[static_cast<size_t>(p)];
      mine = loop(rounds, 1 + mine * 1e-9F);
    });
    const double took = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::max(best, flops * static_cast<double>(pieces) / took);
  } while (Clock::now() < end);
  return best;
}

}  // namespace kantor
#else
namespace kantor {
double peak_flops(double /*seconds*/) {
  return 0;
}
}  // namespace kantor
#endif
