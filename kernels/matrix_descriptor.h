// How a warpgroup's product finds a matrix in shared memory: the 64 bits that kernels/ptx.h gives it and that the
// simulator reads. Source: PTX ISA 8.0, "wgmma", "matrix descriptor" and "swizzling modes". Plain C++.
//
// Rows of row_bytes along k lie one after the other. Eight of them are an atom; inside it a row's pieces of 16 bytes
// are permuted so that reads and writes of one k of many rows use all banks: the piece's number is combined by
// exclusive or with the lowest bits of address / 128.
#pragma once

#include "kernels/compile.h"

#include <cstdint>

namespace kantor {

/// `address` counts bytes in shared memory, from a multiple of 8 row_bytes on; row_bytes is 128, 64 or 32.
KANTOR_FUNCTION constexpr uint64_t matrix_descriptor(unsigned address, int row_bytes) {
  const uint64_t unused = 1;  // the distance between atoms along k, of which a row has one
  const uint64_t between_atoms = uint64_t(8 * row_bytes / 16), swizzle = row_bytes == 128 ? 1 : row_bytes == 64 ? 2 : 3;
  return uint64_t((address & 0x3ffffU) >> 4U) | unused << 16U | between_atoms << 32U | swizzle << 62U;
}

}  // namespace kantor
