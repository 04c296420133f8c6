// How networks, activations and deltas lie in shared memory, and who multiplies them. For kernel files.
#pragma once

#include "kernels/backend.h"
#include "kernels/compile.h"

#include <cstdint>

namespace kantor::KANTOR_BACKEND {

inline constexpr int mlp_threads = 256;
/// The widest kernel whose matrices lie in shared memory.
inline constexpr int mlp_widest_resident = 128;

/// Floats from one row of a matrix [.., width] to the next: rows begin 4 banks apart, so that 8 neighbours read 16
/// bytes each without a conflict.
KANTOR_FUNCTION constexpr int stride_of(int width) {
  return width + 4;
}
KANTOR_FUNCTION constexpr int up_to_four(int n) {
  return (n + 3) / 4 * 4;
}

/// How the matrix of a product lies: [out][depth], each number's factors in a row, or [depth][out].
enum class MatrixRows : uint8_t { of_out, of_depth };

}  // namespace kantor::KANTOR_BACKEND
