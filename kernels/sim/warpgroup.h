// The asynchronous products of a warpgroup, as kernels/ptx.h names them. On a GPU tensor cores read the operands at
// some time between a product's start and the wait for its group. Here a product is made at the latest time where
// threads run forwards, at its start where they run in reverse, and at one or the other by chance in random order: a
// wait too few reads sums that lack it, and an operand that is overwritten too early is multiplied as it then is. Each
// thread makes its own sums, whose reads the race checker sees as the thread's. Errors are what the hardware leaves
// undefined:
//   sums that were touched, or never fenced, without fence_sums() before the next product;
//   an operand that a thread stored and did not make visible by fence_operands() before the barrier;
//   lanes of a warp that name different matrices, matrices that do not begin where their swizzle does.
#pragma once

#include "kernels/matrix_descriptor.h"
#include "kernels/sim/async_copy.h"
#include "kernels/sim/runtime.h"
#include "kernels/sim/tensor_core.h"
#include "kernels/sim/traffic.h"

#include <bit>
#include <cstdint>
#include <cstring>

namespace kantor::sim {

inline constexpr bool has_warpgroup_products = true;

/// A product that is not made; `make` does it, for the running thread's sums.
struct AsyncProduct {
  void (*make)(const AsyncProduct& product);
  float* sums;
  uint64_t a, b;  // descriptors
  Site site;
};
/// Fails if a fence is missing. Returns whether the product is to be made at once.
bool product_starts(Site site);
void defer_product(const AsyncProduct& product);
void commit_products();
/// Takes the running thread's oldest product whose group is not among the `pending` last ones; -1: any.
bool next_product(int pending, AsyncProduct& product);
void sums_fenced(bool fenced);
void operand_stored();
void fence_operands();

inline void fence_sums() {
  sums_fenced(true);
}

/// Addresses of descriptors count from here.
inline std::byte* shared_window() {
  std::byte* begin = static_cast<std::byte*>(dynamic_shared_bytes());
  return begin - reinterpret_cast<uintptr_t>(begin) % 1024;
}

struct OperandMatrix {
  uint64_t bits;
  OperandMatrix operator+(int bytes) const { return {bits + static_cast<uint64_t>(bytes / 16)}; }
};
template <int row_bytes>
OperandMatrix operand_matrix(SharedFloats at) {
  return {
      matrix_descriptor(static_cast<unsigned>(reinterpret_cast<std::byte*>(at.address) - shared_window()), row_bytes)};
}
template <int count>
void store_operand(SharedFloats to, const uint32_t (&words)[count]) {
  static_assert(count == 2 || count == 4);
  struct alignas(4 * count) Words {
    float of[count];
  };
  Words whole;
  for (int i = 0; i < count; ++i) whole.of[i] = std::bit_cast<float>(words[i]);
  *reinterpret_cast<Words*>(to.address) = whole;
  operand_stored();
}

/// A matrix as a descriptor names it.
class DescribedMatrix {
 public:
  DescribedMatrix(uint64_t bits, Site site)
      : start_(static_cast<uint32_t>(bits & 0x3fffU) << 4U),
        between_atoms_(static_cast<uint32_t>(bits >> 32U & 0x3fffU) << 4U),
        window_(shared_window()) {
    const auto mode = static_cast<uint32_t>(bits >> 62U);
    if (mode == 0) fail("a product at %s:%d: the matrix is not swizzled", site.file, site.line);
    pieces_ = 16U >> mode;  // of 16 bytes, in a row
    const uint32_t row = pieces_ * 16;
    if (start_ % (8 * row) >= row || (bits >> 49U & 7U) != 0) {
      fail("a product at %s:%d: the matrix at byte %u of shared memory does not begin at a multiple of %u bytes",
           site.file, site.line, start_, 8 * row);
    }
  }
  /// Where byte `at` along k of a row lies.
  [[nodiscard]] const std::byte* find(int row, int at) const {
    const uint32_t r = static_cast<uint32_t>(row);
    uint32_t address = start_ + r / 8 * between_atoms_ + r % 8 * (pieces_ * 16) + static_cast<uint32_t>(at);
    address ^= (address / 128 & (pieces_ - 1)) << 4U;
    return window_ + address;
  }

 private:
  uint32_t start_, between_atoms_, pieces_ = 0;
  std::byte* window_;
};

// How a row's numbers along k are read.
struct Tf32Numbers {
  static constexpr int depth = 8;
  static void read(const DescribedMatrix& from, int row, double (&out)[depth]) {
    for (int k = 0; k < depth; ++k) {
      const float bits = *reinterpret_cast<const float*>(from.find(row, k * 4));
      out[k] = static_cast<double>(std::bit_cast<float>(std::bit_cast<uint32_t>(bits) & 0xffffe000U));
    }
  }
};
struct Bf16Numbers {
  static constexpr int depth = 16;
  static void read(const DescribedMatrix& from, int row, double (&out)[depth]) {
    for (int k = 0; k < depth; k += 2) {
      const auto pair = std::bit_cast<uint32_t>(*reinterpret_cast<const float*>(from.find(row, k * 2)));
      out[k] = static_cast<double>(std::bit_cast<float>(pair << 16U));
      out[k + 1] = static_cast<double>(std::bit_cast<float>(pair & 0xffff0000U));
    }
  }
};

/// Tells the counter of traffic what a product reads: core matrices of 8 rows of 16 bytes, two of them along k, of
/// which a quarter of a warp tells one. A warp reads its own rows of A; those of B are divided among the four of a
/// warpgroup, which reads them once.
template <int units>
void tell_reads(const AsyncProduct& product) {
  constexpr int b_matrices = units * 4 / 8 * 2;
  const DescribedMatrix a(product.a, product.site), b(product.b, product.site);
  const int warp = thread_in_block / 32 % 4, quarter = lane() / 8, row = lane() % 8;
  traffic::row_is_read(a.find(warp * 16 + quarter / 2 * 8 + row, quarter % 2 * 16), 16);
  for (int m = warp * 4 + quarter; m < b_matrices; m += 16) {
    traffic::row_is_read(b.find(m / 2 * 8 + row, m % 2 * 16), 16);
  }
}

template <class Numbers, int units>
void make_product(const AsyncProduct& product) {
  const traffic::Unseen unseen;  // tell_reads told of them
  constexpr int depth = Numbers::depth;
  const DescribedMatrix a(product.a, product.site), b(product.b, product.site);
  const int row = thread_in_block / 32 % 4 * 16 + lane() / 4;
  double rows[2][depth], column[depth];
  Numbers::read(a, row, rows[0]);
  Numbers::read(a, row + 8, rows[1]);
  for (int u = 0; u < units; u += 2) {
    for (int side = 0; side < 2; ++side) {
      Numbers::read(b, u / 2 * 8 + lane() % 4 * 2 + side, column);
      for (int half = 0; half < 2; ++half) {
        double products[depth];
        for (int k = 0; k < depth; ++k) products[k] = rows[half][k] * column[k];
        float sum = product.sums[(u + half) * 2 + side];
        for (int k = 0; k < depth; k += 4) sum = tensor_core_sum(sum, products + k);
        product.sums[(u + half) * 2 + side] = sum;
      }
    }
  }
}

template <class Numbers, int units>
void start_product(const char* word, float (&d)[units][2], OperandMatrix a, OperandMatrix b, Site site) {
  struct Pair {
    uint64_t a, b;
  };
  const Pair own{a.bits, b.bits};
  const bool same = collective(word, ~0U, own, site, [&](const Collective& lanes, int) {
    bool all = true;
    for (int i = 0; i < 32; ++i) {
      const Pair other = lanes.of<Pair>(i, site);
      all = all && other.a == own.a && other.b == own.b;
    }
    return all;
  });
  if (!same) fail("%s at %s:%d: lanes of a warp name different matrices", word, site.file, site.line);
  const AsyncProduct product{&make_product<Numbers, units>, &d[0][0], a.bits, b.bits, site};
  tell_reads<units>(product);
  if (!product_starts(site)) return defer_product(product);
  AsyncProduct earlier{};
  while (next_product(-1, earlier)) earlier.make(earlier);  // products of one warpgroup are made in their order
  product.make(product);
}
template <int units>
void start_product_tf32(float (&d)[units][2], OperandMatrix a, OperandMatrix b, Site site = Site::here()) {
  start_product<Tf32Numbers>("start_product_tf32", d, a, b, site);
}
template <int units>
void start_product_bf16(float (&d)[units][2], OperandMatrix a, OperandMatrix b, Site site = Site::here()) {
  start_product<Bf16Numbers>("start_product_bf16", d, a, b, site);
}
template <int pending>
void await_products() {
  AsyncProduct product{};
  while (next_product(pending, product)) product.make(product);
  sums_fenced(false);
}

}  // namespace kantor::sim
