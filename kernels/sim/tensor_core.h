// The products of tensor cores and the loads of their fragments, as kernels/ptx.h names them: collectives of a warp.
//
// How a tensor core adds is not documented; measurements of Ampere (Fasi, Higham, Mikaitis, Pranesh 2021, "Numerical
// behavior of NVIDIA tensor cores") found: products exact; four of them and the accumulator are aligned to the largest
// exponent, cut one bit below float32's last, added, and cut to float32. That is done here. Rounding is therefore
// worse here than a float32 sum's, as it is there.
#pragma once

#include "kernels/sim/intrinsics.h"
#include "kernels/sim/runtime.h"
#include "kernels/sim/traffic.h"

#include <bit>
#include <cmath>
#include <cstdint>

namespace kantor::sim {

/// 2^exponent, for those of a double.
inline double power_of_two(int exponent) {
  return std::bit_cast<double>(static_cast<uint64_t>(1023 + exponent) << 52U);
}

/// The sum of the accumulator and four products.
inline float tensor_core_sum(float accumulator, const double* products) {
  double plain = accumulator, largest = std::fabs(static_cast<double>(accumulator));
  for (int i = 0; i < 4; ++i) {
    plain += products[i];
    largest = std::fabs(products[i]) > largest ? std::fabs(products[i]) : largest;
  }
  if (!std::isfinite(plain) || largest == 0) return static_cast<float>(plain);
  constexpr int float_bits = 24, extra_bits = 1;
  const int exponent = static_cast<int>(std::bit_cast<uint64_t>(largest) >> 52U) - 1023;
  const double scale = power_of_two(float_bits - 1 + extra_bits - exponent);
  auto sum = static_cast<int64_t>(accumulator * scale);  // cuts
  for (int i = 0; i < 4; ++i) sum += static_cast<int64_t>(products[i] * scale);
  const double exact = static_cast<double>(sum) / scale;
  const auto nearest = static_cast<float>(exact);
  if (std::isinf(nearest)) return nearest;
  return std::fabs(static_cast<double>(nearest)) > std::fabs(exact) ? std::nextafterf(nearest, 0.0F) : nearest;
}

inline void load_matrices(const float* row, float (&element)[4], Site site = Site::here()) {
  if (reinterpret_cast<uintptr_t>(row) % 16 != 0) {
    fail("load_matrices at %s:%d: the row at %p is not at a multiple of 16 bytes", site.file, site.line,
         static_cast<const void*>(row));
  }
  traffic::row_is_read(row, 16);
  struct Elements {
    float of[4];
  };
  const Elements read = collective("load_matrices", ~0U, row, site, [&](const Collective& lanes, int lane) {
    const traffic::Unseen unseen;
    Elements own{};
    for (int i = 0; i < 4; ++i) own.of[i] = lanes.of<const float*>(i * 8 + lane / 4, site)[lane % 4];
    return own;
  });
  for (int i = 0; i < 4; ++i) element[i] = read.of[i];
}

/// One lane's part of the operands.
struct Fragments {
  uint32_t a[4], b[2];
};
/// Joins all lanes' parts, of `depth` along k, and adds to a lane's four sums. of_a(lanes, row, k) and of_b(lanes, k,
/// column) decode an operand's elements.
template <int depth, class A, class B>
void multiply_fragments(const char* word, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const A& of_a,
                        const B& of_b, Site site) {
  const Fragments mine{{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
  struct Sums {
    float of[4];
  };
  const Sums sums = collective(word, ~0U, mine, site, [&](const Collective& lanes, int lane) {
    double rows[2][depth], columns[2][depth];
    for (int i = 0; i < 2; ++i) {
      for (int k = 0; k < depth; ++k) {
        rows[i][k] = static_cast<double>(of_a(lanes, lane / 4 + i * 8, k));
        columns[i][k] = static_cast<double>(of_b(lanes, k, lane % 4 * 2 + i));
      }
    }
    Sums own{{d[0], d[1], d[2], d[3]}};
    for (int i = 0; i < 4; ++i) {
      double products[depth];
      for (int k = 0; k < depth; ++k) products[k] = rows[i / 2][k] * columns[i % 2][k];
      for (int k = 0; k < depth; k += 4) own.of[i] = tensor_core_sum(own.of[i], products + k);
    }
    return own;
  });
  for (int i = 0; i < 4; ++i) d[i] = sums.of[i];
}

inline void multiply_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], Site site = Site::here()) {
  const auto number = [](uint32_t bits) { return std::bit_cast<float>(bits & 0xffffe000U); };
  multiply_fragments<8>(
      "multiply_tf32", d, a, b,
      [&](const Collective& lanes, int row, int k) {
        return number(lanes.of<Fragments>(row % 8 * 4 + k % 4, site).a[row / 8 + k / 4 * 2]);
      },
      [&](const Collective& lanes, int k, int column) {
        return number(lanes.of<Fragments>(column * 4 + k % 4, site).b[k / 4]);
      },
      site);
}

inline void multiply_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], Site site = Site::here()) {
  const auto number = [](uint32_t pair, int high) {
    return std::bit_cast<float>(high != 0 ? pair & 0xffff0000U : pair << 16U);
  };
  multiply_fragments<16>(
      "multiply_bf16", d, a, b,
      [&](const Collective& lanes, int row, int k) {
        return number(lanes.of<Fragments>(row % 8 * 4 + k % 8 / 2, site).a[row / 8 + k / 8 * 2], k % 2);
      },
      [&](const Collective& lanes, int k, int column) {
        return number(lanes.of<Fragments>(column * 4 + k % 8 / 2, site).b[k / 8], k % 2);
      },
      site);
}

inline uint32_t round_to_tf32(float x) {
  if (x != x) return 0x7fffffffU;
  const auto bits = std::bit_cast<uint32_t>(x);
  return std::isinf(x) ? bits : (bits + 0x1000U) & 0xffffe000U;
}
inline uint32_t round_to_bf16(float low, float high) {
  const auto half = [](float x) -> uint32_t {
    if (x != x) return 0x7fffU;
    const auto bits = std::bit_cast<uint32_t>(x);
    return std::isinf(x) ? bits >> 16U : (bits + 0x7fffU + (bits >> 16U & 1U)) >> 16U;
  };
  return half(low) | half(high) << 16U;
}

}  // namespace kantor::sim
