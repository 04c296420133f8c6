// What the family `gradient_penalty` and its versions share: the sizes of the product that makes the gradients, and
// two launches that most versions have in common. Plain C++.
//
// In a critic the gradient by the input is a product: delta, the derivative by what the first layer puts out, times
// that layer's weights w. The family begins there, so that a version may use what is at hand when g is made. `inner`
// stands for the layer's width; it is small here, so that the product takes little beside the penalty.
#pragma once

#include "kernels/ladder/ladder.h"
#include "kernels/launcher.h"

namespace kantor {
namespace ladder::gradient_penalty {

inline constexpr int64_t inner = 8;
/// A block makes this many rows of g and columns of it.
inline constexpr int64_t tile_rows = 8, tile_columns = 1024;
/// Elements that a block takes of a row that is cut.
inline constexpr int64_t stretch = 8192;

inline int64_t column_tiles(int64_t width) {
  return (width + tile_columns - 1) / tile_columns;
}
inline int64_t tiles(int64_t rows, int64_t width) {
  return (rows + tile_rows - 1) / tile_rows * column_tiles(width);
}
inline int64_t stretches(int64_t width) {
  return (width + stretch - 1) / stretch;
}

}  // namespace ladder::gradient_penalty

KANTOR_LAUNCHERS(
    /// g [rows, width] = delta [rows, inner] w [inner, width]: a call's inputs and its last output.
    void make_gradients(const ladder::Arrays& arrays, Stream stream);
    /// value = the sum of the rows' shares of the penalty, by one block.
    void add_row_shares(const double* shares, float* value, int64_t rows, Stream stream);)

}  // namespace kantor
