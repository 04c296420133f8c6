#include "kernels/sim/traffic/rules.h"

#include <algorithm>

namespace kantor::sim::traffic {
namespace {

constexpr uintptr_t sector = 32, word = 4, banks = 32;

/// The addresses of the lanes [first, first + count) that take part, in ascending order, behind each other in `sorted`.
/// Returns how many there are.
int sort_lanes(const WarpAccess& access, int first, int count, std::array<uintptr_t, 32>& sorted) {
  int size = 0;
  for (int lane = first; lane < first + count; ++lane) {
    if ((access.lanes >> lane & 1U) != 0)
      sorted[static_cast<size_t>(size++)] = access.address[static_cast<size_t>(lane)];
  }
  std::sort(sorted.begin(), sorted.begin() + size);
  return size;
}

}  // namespace

Transactions sectors(const WarpAccess& access) {
  std::array<uintptr_t, 32> sorted{};
  const int size = sort_lanes(access, 0, 32, sorted);
  const auto bytes = static_cast<uintptr_t>(access.bytes);
  Transactions result;
  uintptr_t distinct = 0, end = 0, next_sector = 0;  // what is counted so far ends at these
  for (int i = 0; i < size; ++i) {
    const uintptr_t begin = sorted[static_cast<size_t>(i)];
    const uintptr_t first = std::max(begin / sector, next_sector), last = (begin + bytes - 1) / sector;
    if (last >= first) {
      result.taken += static_cast<int64_t>(last - first + 1);
      next_sector = last + 1;
    }
    distinct += begin + bytes - std::min(begin + bytes, std::max(begin, end));
    end = begin + bytes;
  }
  result.fewest = static_cast<int64_t>((distinct + sector - 1) / sector);
  return result;
}

Transactions passes(const WarpAccess& access, bool atomic) {
  const int together = access.bytes == 16 ? 8 : access.bytes == 8 ? 16 : 32;
  Transactions result;
  for (int first = 0; first < 32; first += together) {
    std::array<uintptr_t, 32> sorted{};
    const int size = sort_lanes(access, first, together, sorted);
    if (size == 0) continue;
    std::array<int64_t, banks> in_bank{};
    uintptr_t next_word = 0;
    for (int i = 0; i < size; ++i) {
      const uintptr_t begin = sorted[static_cast<size_t>(i)] / word;
      const uintptr_t end = (sorted[static_cast<size_t>(i)] + static_cast<uintptr_t>(access.bytes) - 1) / word + 1;
      for (uintptr_t w = atomic ? begin : std::max(begin, next_word); w < end; ++w) ++in_bank[w % banks];
      next_word = end;
    }
    result.taken += *std::max_element(in_bank.begin(), in_bank.end());
    ++result.fewest;
  }
  return result;
}

}  // namespace kantor::sim::traffic
