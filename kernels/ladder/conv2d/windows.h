// The three passes of convolution as products C [m, n] = A [m, k] B [k, n], whose operands are never matrices in
// memory: where their elements lie among images, filters and outputs. For the files of versions 3 to 6.
//
// A view of an operand has rows (for B, its columns) and terms, which k counts. What depends on the row alone and on
// the term alone is found once for each, with divisions; find() puts them together and says whether the element is
// inside, else it is 0. Neighbours in memory lie along k (`along_k`) or along the rows.
//
//   forward           C: output pixels x filters     k: elements (tap row, tap column, channel) of a window
//   input gradient    C: positions x channels        k: (tap row, tap column, filter)
//   weight gradient   C: filters x elements          k: output pixels
//
// Position y of an image meets tap a of output (y + padding - a) / stride, if that is whole. So only every stride-th
// tap reaches it, and which ones, depends on (y + padding) mod stride. Positions are sorted into stride^2 classes by
// these remainders: in each the input gradient is a dense product over the taps that reach it (ParityAxis).
#pragma once

#include "kernels/conv2d_sizes.h"
#include "kernels/ladder/conv2d/sizes.h"

#include <type_traits>

namespace kantor::KANTOR_BACKEND {

/// A number as three digits, of which the lower two have limits.
struct Digits {
  int high, middle, low;
};
__device__ inline Digits digits(int number, int middle, int low) {
  return {number / low / middle, number / low % middle, number % low};
}

/// Picture n, and where in it something begins.
struct Corner {
  int n, y, x;
};
/// The offset of a channel at (y, x) of picture n, if that is inside.
__device__ inline bool find_in_pictures(int n, int y, int x, int channel, int height, int width, int channels,
                                        int& offset) {
  if (unsigned(y) >= unsigned(height) || unsigned(x) >= unsigned(width)) return false;
  offset = ((n * height + y) * width + x) * channels + channel;
  return true;
}
__device__ inline Corner corner_of_window(const ConvSizes& c, int pixel) {
  const Digits d = digits(pixel, c.out_height, c.out_width);
  return {d.high, d.middle * c.stride - c.padding, d.low * c.stride - c.padding};
}
__device__ inline Digits element_of_window(const ConvSizes& c, int element) {
  return digits(element, c.kernel_width, c.channels);
}

/// Rows are output pixels, terms the elements of their windows.
struct WindowsOfPixels {
  static constexpr bool along_k = true;
  using Row = Corner;
  using Term = Digits;
  ConvSizes c;
  const float* data;

  __device__ Row row(int pixel) const { return corner_of_window(c, pixel); }
  __device__ Term term(int element) const { return element_of_window(c, element); }
  __device__ bool find(const Row& at, const Term& e, int& offset) const {
    return find_in_pictures(at.n, at.y + e.high, at.x + e.middle, e.low, c.height, c.width, c.channels, offset);
  }
};
/// The transpose.
struct PixelsOfWindows {
  static constexpr bool along_k = false;
  using Row = Digits;
  using Term = Corner;
  ConvSizes c;
  const float* data;

  __device__ Row row(int element) const { return element_of_window(c, element); }
  __device__ Term term(int pixel) const { return corner_of_window(c, pixel); }
  __device__ bool find(const Row& e, const Term& at, int& offset) const {
    return find_in_pictures(at.n, at.y + e.high, at.x + e.middle, e.low, c.height, c.width, c.channels, offset);
  }
};
/// A matrix in memory: element (r, k) at r stride + k (along k), or at k stride + r.
template <bool neighbours_along_k>
struct MatrixInMemory {
  static constexpr bool along_k = neighbours_along_k;
  using Row = int;
  using Term = int;
  const float* data;
  int stride;

  __device__ Row row(int r) const { return along_k ? r * stride : r; }
  __device__ Term term(int k) const { return along_k ? k : k * stride; }
  __device__ bool find(Row r, Term k, int& offset) const {
    offset = r + k;
    return true;
  }
};
/// Rows are positions of a class, terms the outputs (tap row, tap column, filter) that reach them.
struct OutputsOfPositions {
  static constexpr bool along_k = true;
  using Row = Corner;
  using Term = Digits;
  ConvSizes c;
  ParityAxis v, h;
  const float* data;

  __device__ Row row(int position) const {
    const Digits d = digits(position, v.positions, h.positions);
    return {d.high, d.middle + v.shift, d.low + h.shift};
  }
  __device__ Term term(int k) const { return digits(k, h.taps, c.filters); }
  __device__ bool find(const Row& at, const Term& e, int& offset) const {
    return find_in_pictures(at.n, at.y - e.high, at.x - e.middle, e.low, c.out_height, c.out_width, c.filters, offset);
  }
};
/// Rows are channels, terms the same.
struct FiltersOfTaps {
  static constexpr bool along_k = false;
  using Row = int;
  using Term = int;
  ConvSizes c;
  ParityAxis v, h;
  const float* data;

  __device__ Row row(int channel) const { return channel; }
  __device__ Term term(int k) const {
    const Digits d = digits(k, h.taps, c.filters);
    const int a = v.first_tap + c.stride * d.high, b = h.first_tap + c.stride * d.middle;
    return ((d.low * c.kernel_height + a) * c.kernel_width + b) * c.channels;
  }
  __device__ bool find(Row r, Term k, int& offset) const {
    offset = r + k;
    return true;
  }
};

// A pass gives a kernel, for a part of the launch, views and sizes, and where a row of C begins in the result.

struct ForwardPass {
  using Left = WindowsOfPixels;
  using Right = MatrixInMemory<true>;
  Left left;
  Right right;
  int m, n, k;

  __device__ ForwardPass(const ConvSizes& c, const float* image, const float* filter, int)
      : left{c, image}, right{filter, c.window()}, m(c.pixels()), n(c.filters), k(c.window()) {}
  __device__ int place(int pixel) const { return pixel * n; }
};
struct InputGradPass {
  using Left = OutputsOfPositions;
  using Right = FiltersOfTaps;
  Left left;
  Right right;
  int m, n, k;

  /// Part: of the stride^2 classes.
  __device__ InputGradPass(const ConvSizes& c, const float* filter, const float* output, int part)
      : InputGradPass(c, filter, output, ParityAxis(part / c.stride, c.height, c.kernel_height, c.stride, c.padding),
                      ParityAxis(part % c.stride, c.width, c.kernel_width, c.stride, c.padding)) {}
  __device__ int place(int position) const {
    const ConvSizes& c = left.c;
    const Digits d = digits(position, left.v.positions, left.h.positions);
    return ((d.high * c.height + left.v.first + c.stride * d.middle) * c.width + left.h.first + c.stride * d.low) * n;
  }

 private:
  __device__ InputGradPass(const ConvSizes& c, const float* filter, const float* output, ParityAxis v, ParityAxis h)
      : left{c, v, h, output},
        right{c, v, h, filter},
        m(c.batch * v.positions * h.positions),
        n(c.channels),
        k(v.taps * h.taps * c.filters) {}
};
struct WeightGradPass {
  using Left = MatrixInMemory<false>;
  using Right = PixelsOfWindows;
  Left left;
  Right right;
  int m, n, k;

  __device__ WeightGradPass(const ConvSizes& c, const float* image, const float* output, int)
      : left{output, c.filters}, right{c, image}, m(c.filters), n(c.window()), k(c.pixels()) {}
  __device__ int place(int filter) const { return filter * n; }
};

/// A pass on the host: its sizes, of the largest part, and how many parts it has. Each part is a slice of the grid.
struct PassSizes {
  int64_t rows, columns, parts;
};
inline PassSizes pass_sizes(ConvPass pass, const ConvShape& c) {
  const auto steps = [&](int64_t extent) { return (extent + c.stride - 1) / c.stride; };
  switch (pass) {
    case ConvPass::forward:
      return {c.pixels(), c.filters, 1};
    case ConvPass::input_grad:
      return {c.batch * steps(c.height) * steps(c.width), c.channels, c.stride * c.stride};
    case ConvPass::weight_grad:
      return {c.filters, c.window(), 1};
  }
  return {};
}
/// Calls start(the pass, as a type in std::type_identity).
template <class Start>
void with_pass(ConvPass pass, const Start& start) {
  if (pass == ConvPass::forward) start(std::type_identity<ForwardPass>());
  if (pass == ConvPass::input_grad) start(std::type_identity<InputGradPass>());
  if (pass == ConvPass::weight_grad) start(std::type_identity<WeightGradPass>());
}

/// Whether all pieces of four neighbours of both operands lie at multiples of 16 bytes.
inline bool in_fours(const ladder::Sizes& sizes) {
  const ConvShape c = ladder::conv2d::shape_of(sizes);
  return c.channels % 4 == 0 && (sizes[0] == 0 || c.filters % 4 == 0);
}

}  // namespace kantor::KANTOR_BACKEND
