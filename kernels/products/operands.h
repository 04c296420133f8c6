// What the tile engine multiplies: views of an operand, with rows (for the right operand: its columns) and k. A view is
// a matrix in memory, or pictures and filters that are read as one. For kernel files.
//
// A view finds elements by an offset that has a part of the row, found once a tile, and a cursor along k, which
// additions move: no division is in the loop. A view is a class with
//   static constexpr bool along_k                neighbours in memory lie along k, else along the rows
//   const float* data
//   Row row(int r, bool valid) const             what does not depend on k; rows beyond the end are read in vain
//   Cursor cursor(int k) const                   where k is
//   void advance<step>(Cursor&) const            by `step` along k
//   Cursor limited(Cursor, bool live) const      the cursor, or one that finds nothing where k is beyond the end
//   bool find(Row, Cursor, bool live, int& offset) const    the element's offset; false: it is 0
// Indices are 32 bits: a launcher refuses larger arrays.
#pragma once

#include "kernels/backend.h"
#include "kernels/conv2d_sizes.h"

namespace kantor::KANTOR_BACKEND {

/// Element (r, k) at r stride + k (along_k), or at k stride + r.
template <bool neighbours_along_k>
struct Matrix {
  static constexpr bool along_k = neighbours_along_k;
  using Row = int;
  using Cursor = int;
  const float* data;
  int stride;

  __device__ Row row(int r, bool) const { return along_k ? r * stride : r; }
  __device__ Cursor cursor(int k) const { return along_k ? k : k * stride; }
  template <int step>
  __device__ void advance(Cursor& at) const {
    at += along_k ? step : step * stride;
  }
  __device__ Cursor limited(Cursor at, bool) const { return at; }
  __device__ bool find(Row row, Cursor at, bool live, int& offset) const {
    offset = row + at;
    return live;
  }
};

/// Rows are places of a grid [batch, high, wide], k counts (tap row, tap column, channel): the elements of pictures
/// [batch, height, width, channels] that the taps of a place meet, upwards from its first (direction 1, the windows of
/// output pixels), or downwards (-1, the output gradients that reach a place). Outside of the picture they are 0: a row
/// has a bit for each tap, of which a view takes at most `most_taps`.
struct Taps {
  static constexpr bool along_k = true;
  static constexpr int most_taps = 31;
  struct Row {
    int offset;
    unsigned inside;  // a bit a tap
  };
  struct Cursor {
    int channel, column, offset;
    unsigned bit;
  };
  const float* data;
  int height, width, channels;
  int high, wide, stride, first_row, first_column;  // place (i, j) begins at first_row + stride i, first_column + ..
  int direction, tap_rows, tap_columns;

  __device__ Row row(int r, bool valid) const {
    if (!valid) return {0, 0U};
    const int line = r / wide, n = line / high;
    const int y = (line - n * high) * stride + first_row, x = (r - line * wide) * stride + first_column;
    unsigned columns = 0, all = 0;
    for (int b = 0; b < tap_columns; ++b) columns |= unsigned(unsigned(x + direction * b) < unsigned(width)) << b;
    for (int a = 0; a < tap_rows; ++a) {
      if (unsigned(y + direction * a) < unsigned(height)) all |= columns << (a * tap_columns);
    }
    return {((n * height + y) * width + x) * channels, all};
  }
  __device__ Cursor cursor(int k) const {
    const int tap = k / channels, channel = k - tap * channels;
    const int a = tap_columns > 0 ? tap / tap_columns : 0, b = tap - a * tap_columns;
    return {channel, b, direction * (a * width + b) * channels + channel, tap <= most_taps ? 1U << tap : 0U};
  }
  template <int step>
  __device__ void advance(Cursor& at) const {
    at.channel += step;
    at.offset += step;
    while (at.channel >= channels) {
      at.channel -= channels;
      at.offset += (direction - 1) * channels;
      at.bit <<= 1;
      if (++at.column >= tap_columns) {
        at.column = 0;
        at.offset += direction * (width - tap_columns) * channels;
      }
    }
  }
  __device__ Cursor limited(Cursor at, bool live) const {
    at.bit = live ? at.bit : 0U;
    return at;
  }
  __device__ bool find(const Row& row, const Cursor& at, bool, int& offset) const {
    offset = row.offset + at.offset;
    return (row.inside & at.bit) != 0U;
  }
};

/// Rows are channels, k counts (tap row, tap column, filter) of a parity class of the input gradient.
struct FiltersOfTaps {
  static constexpr bool along_k = false;
  using Row = int;
  struct Cursor {
    int filter, column, offset;
  };
  const float* data;
  int channels, filters, kernel_height, kernel_width, stride;
  int first_row, first_column, tap_columns;  // of the class, in the kernel

  __device__ Row row(int r, bool) const { return r; }
  __device__ Cursor cursor(int k) const {
    const int tap = k / filters, filter = k - tap * filters;
    const int a = tap_columns > 0 ? tap / tap_columns : 0, b = tap - a * tap_columns;
    const int ky = first_row + stride * a, kx = first_column + stride * b;
    return {filter, b, ((filter * kernel_height + ky) * kernel_width + kx) * channels};
  }
  template <int step>
  __device__ void advance(Cursor& at) const {
    const int window = kernel_height * kernel_width * channels;
    at.filter += step;
    at.offset += step * window;
    while (at.filter >= filters) {
      at.filter -= filters;
      at.offset += stride * channels - filters * window;
      if (++at.column >= tap_columns) {
        at.column = 0;
        at.offset += stride * (kernel_width - tap_columns) * channels;
      }
    }
  }
  __device__ Cursor limited(const Cursor& at, bool) const { return at; }
  __device__ bool find(Row row, const Cursor& at, bool live, int& offset) const {
    offset = row + at.offset;
    return live;
  }
};

/// Rows are elements (ky, kx, channel) of windows, k counts the output pixels.
struct PixelsOfWindows {
  static constexpr bool along_k = false;
  static constexpr int nowhere = 1 << 28;  // a row above every picture
  struct Row {
    int ky, kx, offset;
  };
  struct Cursor {
    int y, x, offset;  // of the window's first element
  };
  const float* data;
  int height, width, channels, out_height, out_width, kernel_width, stride, padding;

  __device__ Row row(int r, bool) const {
    const int tap = r / channels, ky = tap / kernel_width, kx = tap - ky * kernel_width;
    return {ky, kx, (ky * width + kx) * channels + r - tap * channels};
  }
  __device__ Cursor cursor(int k) const {
    const int line = k / out_width, n = line / out_height;
    const int y = (line - n * out_height) * stride - padding, x = (k - line * out_width) * stride - padding;
    return {y, x, ((n * height + y) * width + x) * channels};
  }
  template <int step>
  __device__ void advance(Cursor& at) const {
    at.x += stride * step;
    at.offset += stride * step * channels;
    while (at.x >= out_width * stride - padding) {
      at.x -= out_width * stride;
      at.y += stride;
      at.offset += (width - out_width) * stride * channels;
      if (at.y >= out_height * stride - padding) {
        at.y -= out_height * stride;
        at.offset += (height - out_height * stride) * width * channels;
      }
    }
  }
  __device__ Cursor limited(Cursor at, bool live) const {
    at.y = live ? at.y : nowhere;
    return at;
  }
  __device__ bool find(const Row& row, const Cursor& at, bool, int& offset) const {
    offset = at.offset + row.offset;
    return unsigned(at.y + row.ky) < unsigned(height) && unsigned(at.x + row.kx) < unsigned(width);
  }
};

}  // namespace kantor::KANTOR_BACKEND
