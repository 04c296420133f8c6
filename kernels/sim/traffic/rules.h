// What one memory instruction of a warp costs, as CUDA's guides describe it.
//
// Documented (CUDA C++ Programming Guide, compute capability 5.0 and later; Best Practices Guide, 6.0 and later):
//   global memory   the accesses of a warp become as many transactions of 32 bytes, aligned to 32, as they touch
//   shared memory   32 banks; words of 4 bytes that follow each other are in banks that follow each other; different
//                   words of one bank are taken one after the other; a word that several lanes read is sent to all of
//                   them, and of several lanes that write it one does
// Not documented for these GPUs, and assumed here:
//   - accesses of 8 bytes are taken half a warp at a time, of 16 bytes a quarter (the guide said so for compute
//     capability 2.x). Where lanes of several quarters read the same words, a GPU may take fewer passes;
//   - each lane of an atomic operation on shared memory takes its word in a pass of its own;
//   - an asynchronous copy writes to shared memory as a store of its size does;
//   - a warpgroup's product reads each core matrix of its operands, 8 rows of 16 bytes, in as many passes as these rows
//     would take a quarter of a warp: A once, a warp its own rows, and B once for the four warps;
//   - a sector that several quarters of a warp touch is one transaction.
#pragma once

#include <array>
#include <cstdint>

namespace kantor::sim::traffic {

/// The lanes that take part in an instruction, and the addresses of their `bytes` (1, 2, 4, 8 or 16) bytes.
struct WarpAccess {
  uint32_t lanes = 0;
  int bytes = 4;
  std::array<uintptr_t, 32> address{};
};

/// Transactions: how many there are, and how many an access by the same lanes could do with at the least.
struct Transactions {
  int64_t taken = 0, fewest = 0;
  Transactions& operator+=(const Transactions& other) {
    taken += other.taken;
    fewest += other.fewest;
    return *this;
  }
  friend bool operator==(const Transactions&, const Transactions&) = default;
};

/// Sectors of global memory. The fewest hold the same number of different bytes side by side.
Transactions sectors(const WarpAccess& access);
/// Passes over shared memory. The fewest are one for each part of the warp that is taken at a time.
Transactions passes(const WarpAccess& access, bool atomic);

}  // namespace kantor::sim::traffic
