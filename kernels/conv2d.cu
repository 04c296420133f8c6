// Convolution as three implicit matrix products (kernels/implicit_gemm.h): the window of a pixel is gathered while a
// tile is staged, never in memory.
//
//   forward       [pixels, window] x [window, filters]      window element (ky, kx, c), c fastest: reads coalesce
//   input grad    [positions, taps * filters] x [.., channels] one product per parity class of positions: with stride s
//   only
//                 kernel rows ky = (y + padding) mod s meet row y, so each of the s^2 classes is a dense product of
//                 about 1/s^2 of the taps, instead of multiplying by the zeros between a stretched gradient's pixels
//   weight grad   [filters, pixels] x [pixels, window]      long sums for few outputs: split along the pixels into
//                 stretches that fill the GPU, and their partial filters added in order by a second launch
//
// FLOPs of each: 2 pixels filters window. The epilogue is applied while the tile is in registers. Divisions
// find once per tile where pixels, positions and taps begin; from step to step, additions advance the counters.
//
// With 1 to 4 channels the forward and the input gradient have kernels of their own (kernels/conv2d_few_channels.cu).
// In the weight gradient, the 5 x 5 window of one channel fills 25 of the 32 columns of a narrow tile.
#include "kernels/backend.h"
#include "kernels/conv2d.h"
#include "kernels/conv2d_few_channels.h"
#include "kernels/conv2d_sizes.h"
#include "kernels/implicit_gemm.h"

#include <type_traits>

namespace kantor::KANTOR_BACKEND {
namespace {

/// An index as three digits in a mixed radix: low < Extents::low, middle < Extents::middle; high has no limit.
struct Index3 {
  int high, middle, low;
};
struct Extents {
  int middle, low;

  __device__ Index3 split(int number) const {
    const int rest = number / low;
    return {rest / middle, rest % middle, number % low};
  }
  __device__ void add(Index3& d, int steps) const {
    d.low += steps;
    while (d.low >= low) {
      d.low -= low;
      if (++d.middle == middle) {
        d.middle = 0;
        ++d.high;
      }
    }
  }
};
/// Replaces a radix of 0 by 1, so that nothing divides by 0; products without terms never use the digits.
__device__ Extents extents(int middle, int low) {
  return {middle > 1 ? middle : 1, low > 1 ? low : 1};
}

/// Images [.., height, width, channels] that taps read: digits (row, column, channel) of a tap, counted downwards
/// or upwards from a position.
template <class T>
struct Images {
  const T* data;
  int height, width, channels;
  bool packed;  // four channels from a multiple of four on are 16 aligned bytes, or two times 16

  /// Called on the host.
  Images(const T* pictures, int rows, int columns, int depth)
      : data(pictures), height(rows), width(columns), channels(depth), packed(depth % 4 == 0 && aligned(pictures)) {}

  __device__ const T* image(int n) const { return data + n * height * width * channels; }
  /// Reads `count` consecutive elements of taps into `out`, which is zero already; outside the image it stays zero.
  template <int direction>
  __device__ void read(const T* image, int y, int x, Index3 tap, Extents taps, int count, T (&out)[4]) const {
    if (packed && count == 4) {
      const int yy = y + direction * tap.high, xx = x + direction * tap.middle;
      if (inside(yy, xx)) load_four(image + (yy * width + xx) * channels + tap.low, out);
      return;
    }
    for (int i = 0; i < count; ++i) {
      const int yy = y + direction * tap.high, xx = x + direction * tap.middle;
      if (inside(yy, xx)) out[i] = image[(yy * width + xx) * channels + tap.low];
      taps.add(tap, 1);
    }
  }
  __device__ bool inside(int y, int x) const { return unsigned(y) < unsigned(height) && unsigned(x) < unsigned(width); }
};

/// The image, and the pixel at which a row's taps begin.
template <class T>
struct Coordinate {
  const T* image;
  int y, x;
};

/// Rows are output pixels; k runs over the elements of their windows.
template <class T>
struct WindowsOfPixels {
  static constexpr bool along_k = true;
  using Row = Coordinate<T>;
  using Cursor = Index3;
  ConvSizes c;
  Images<T> x;

  __device__ Extents elements() const { return extents(c.kernel_width, c.channels); }
  __device__ Row row(int pixel) const {
    const Index3 d = extents(c.out_height, c.out_width).split(pixel);
    return {x.image(d.high), d.middle * c.stride - c.padding, d.low * c.stride - c.padding};
  }
  __device__ Cursor cursor(int k) const { return elements().split(k); }
  __device__ void advance(Cursor& at) const { elements().add(at, tile_depth); }
  __device__ void load(const Row& row, Cursor at, int count, T (&out)[4]) const {
    x.template read<1>(row.image, row.y, row.x, at, elements(), count, out);
  }
};

/// The transpose: rows are elements of windows; k runs over the pixels.
template <class T>
struct PixelsOfWindows {
  static constexpr bool along_k = false;
  using Row = Index3;
  using Cursor = Index3;
  ConvSizes c;
  Images<T> x;

  __device__ Extents elements() const { return extents(c.kernel_width, c.channels); }
  __device__ Extents pixels() const { return extents(c.out_height, c.out_width); }
  __device__ Row row(int element) const { return elements().split(element); }
  __device__ Cursor cursor(int pixel) const { return pixels().split(pixel); }
  __device__ void advance(Cursor& at) const { pixels().add(at, tile_depth); }
  __device__ void load(const Row& row, Cursor at, int count, T (&out)[4]) const {
    x.template read<1>(x.image(at.high), at.middle * c.stride - c.padding, at.low * c.stride - c.padding, row,
                       elements(), count, out);
  }
};

/// Rows are positions of a parity class; k runs over its (tap, filter) pairs: the output gradients that reach a
/// position.
template <class T>
struct GradientOfPositions {
  static constexpr bool along_k = true;
  using Row = Coordinate<T>;
  using Cursor = Index3;
  ParityAxis v, h;
  Images<T> g;

  __device__ Extents pairs() const { return extents(h.taps, g.channels); }
  __device__ Row row(int position) const {
    const Index3 d = extents(v.positions, h.positions).split(position);
    return {g.image(d.high), d.middle + v.shift, d.low + h.shift};
  }
  __device__ Cursor cursor(int k) const { return pairs().split(k); }
  __device__ void advance(Cursor& at) const { pairs().add(at, tile_depth); }
  __device__ void load(const Row& row, Cursor at, int count, T (&out)[4]) const {
    g.template read<-1>(row.image, row.y, row.x, at, pairs(), count, out);
  }
};

/// Rows are channels; k runs over the (tap, filter) pairs of a parity class.
template <class T>
struct FiltersOfTaps {
  static constexpr bool along_k = false;
  using Row = const T*;
  using Cursor = Index3;
  ConvSizes c;
  ParityAxis v, h;
  const T* filter;
  bool packed;

  __device__ Extents pairs() const { return extents(h.taps, c.filters); }
  __device__ Row row(int channel) const { return filter + channel; }
  __device__ Cursor cursor(int k) const { return pairs().split(k); }
  __device__ void advance(Cursor& at) const { pairs().add(at, tile_depth); }
  __device__ void load(const Row& row, Cursor at, int count, T (&out)[4]) const {
    const int ky = v.first_tap + c.stride * at.high, kx = h.first_tap + c.stride * at.middle;
    const T* from = row + ((at.low * c.kernel_height + ky) * c.kernel_width + kx) * c.channels;
    if (packed && count == 4) {
      load_four(from, out);
    } else {
      for (int i = 0; i < count; ++i) out[i] = from[i];
    }
  }
};

/// Writes epilogue(sums) to consecutive channels of `to`, from `channel` on, which is at `place`.
template <class T, int size>
__device__ void write(const Epilogue<T>& epilogue, int channel, bool packed, int count, const T (&sums)[size], T* to,
                      int place) {
  T values[size];
  for (int j = 0; j < count; ++j) values[j] = epilogue(channel + j, place + j, sums[j]);
  if constexpr (size == 4) {
    if (packed && count == 4) return store_four(to + place, values);
  }
  for (int j = 0; j < count; ++j) to[place + j] = values[j];
}

template <class T, int columns>
__global__ void conv2d_kernel(ConvSizes c, Images<T> x, MatrixView<T, true> filter, Epilogue<T> epilogue, T* y,
                              bool packed, int tiles_across) {
  gemm_tile<T, columns>(c.pixels(), c.filters, 0, c.window(), blockIdx.x / tiles_across, blockIdx.x % tiles_across,
                        WindowsOfPixels<T>{c, x}, filter, [&](int pixel, int o, int count, const auto& sums) {
                          write(epilogue, o, packed, count, sums, y, pixel * c.filters + o);
                        });
}

/// Block z is a parity class, block x a tile of its product. Classes differ in size: some blocks have no tile.
template <class T, int columns>
__global__ void conv2d_input_grad_kernel(ConvSizes c, Images<T> g, const T* filter, bool filter_packed,
                                         Epilogue<T> epilogue, T* x, bool packed, int tiles_across) {
  const ParityAxis v(blockIdx.z / c.stride, c.height, c.kernel_height, c.stride, c.padding);
  const ParityAxis h(blockIdx.z % c.stride, c.width, c.kernel_width, c.stride, c.padding);
  const int positions = c.batch * v.positions * h.positions, tile_row = blockIdx.x / tiles_across;
  if (tile_row >= (positions + tile - 1) / tile) return;  // the whole block returns
  gemm_tile<T, columns>(positions, c.channels, 0, v.taps * h.taps * c.filters, tile_row, blockIdx.x % tiles_across,
                        GradientOfPositions<T>{v, h, g}, FiltersOfTaps<T>{c, v, h, filter, filter_packed},
                        [&](int position, int channel, int count, const auto& sums) {
                          const Index3 d = Extents{v.positions, h.positions}.split(position);
                          const int row = v.first + c.stride * d.middle, column = h.first + c.stride * d.low;
                          write(epilogue, channel, packed, count, sums, x,
                                ((d.high * c.height + row) * c.width + column) * c.channels + channel);
                        });
}

/// Block y takes one chunk of the pixels and writes partial filters [splits, filters, window].
template <class T, int columns>
__global__ void conv2d_weight_grad_kernel(ConvSizes c, Images<T> x, MatrixView<T, false> g, T* partial,
                                          int tiles_across, int chunk) {
  const int window = c.window(), begin = blockIdx.y * chunk;
  const int end = c.pixels() - begin < chunk ? c.pixels() : begin + chunk;
  T* out = partial + int64_t(blockIdx.y) * c.filters * window;
  gemm_tile<T, columns>(c.filters, window, begin, end, blockIdx.x / tiles_across, blockIdx.x % tiles_across, g,
                        PixelsOfWindows<T>{c, x}, [&](int o, int element, int count, const auto& sums) {
                          for (int j = 0; j < count; ++j) out[o * window + element + j] = sums[j];
                        });
}

template <class T>
__global__ void add_splits_kernel(const T* partial, T* filter, int64_t splits, int64_t size) {
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= size) return;
  T total = 0;
  for (int64_t s = 0; s < splits; ++s) total += partial[s * size + i];
  filter[i] = total;
}

/// Calls start(the tile's number of columns, as a type) for a product of n columns.
template <class F>
void with_columns(int64_t n, const F& start) {
  if (n <= narrow_tile) {
    start(std::integral_constant<int, narrow_tile>());
  } else {
    start(std::integral_constant<int, tile>());
  }
}

}  // namespace

template <class T>
void conv2d(const ConvShape& c, const T* x, const T* filter, const Epilogue<T>& epilogue, T* y, Stream stream) {
  if (c.pixels() * c.filters == 0) return;
  if (few_channels(c, sizeof(T))) return conv2d_few_channels(c, x, filter, epilogue, y, stream);
  const ConvSizes sizes = conv_sizes(c);
  with_columns(c.filters, [&](auto columns) {
    const int64_t across = tiles_of(c.filters, columns);
    launch<conv2d_kernel<T, decltype(columns)::value>>(
        {blocks_for(tiles_of(c.pixels()) * across, 1), gemm_threads, 0, stream}, sizes,
        Images<T>(x, sizes.height, sizes.width, sizes.channels), MatrixView<T, true>(filter, c.window()), epilogue, y,
        c.filters % 4 == 0 && aligned(y), across);
  });
}

template <class T>
void conv2d_input_grad(const ConvShape& c, const T* g, const T* filter, const Epilogue<T>& epilogue, T* x,
                       Stream stream) {
  if (c.batch * c.height * c.width * c.channels == 0) return;
  if (few_channels(c, sizeof(T))) return conv2d_input_grad_few_channels(c, g, filter, epilogue, x, stream);
  const ConvSizes sizes = conv_sizes(c);
  const int64_t most = c.batch * ((c.height + c.stride - 1) / c.stride) * ((c.width + c.stride - 1) / c.stride);
  with_columns(c.channels, [&](auto columns) {
    const int64_t across = tiles_of(c.channels, columns);
    launch<conv2d_input_grad_kernel<T, decltype(columns)::value>>(
        {dim3(blocks_for(tiles_of(most) * across, 1), 1, blocks_for(c.stride * c.stride, 1)), gemm_threads, 0, stream},
        sizes, Images<T>(g, sizes.out_height, sizes.out_width, sizes.filters), filter,
        c.channels % 4 == 0 && aligned(filter), epilogue, x, c.channels % 4 == 0 && aligned(x), across);
  });
}

template <class T>
void conv2d_weight_grad(const ConvShape& c, const T* x, const T* g, T* filter, T* workspace, Stream stream) {
  const int64_t size = c.filters * c.window(), splits = weight_grad_splits(c);
  if (size == 0) return;
  const ConvSizes sizes = conv_sizes(c);
  const int64_t chunk = (c.pixels() + splits - 1) / splits;
  with_columns(c.window(), [&](auto columns) {
    const int64_t across = tiles_of(c.window(), columns);
    launch<conv2d_weight_grad_kernel<T, decltype(columns)::value>>(
        {dim3(blocks_for(tiles_of(c.filters) * across, 1), blocks_for(splits, 1)), gemm_threads, 0, stream}, sizes,
        Images<T>(x, sizes.height, sizes.width, sizes.channels), MatrixView<T, false>(g, c.filters),
        splits == 1 ? filter : workspace, across, chunk);
  });
  if (splits == 1) return;
  constexpr int threads = 256;
  launch<add_splits_kernel<T>>({blocks_for(size, threads), threads, 0, stream}, workspace, filter, splits, size);
}

#define KANTOR_CONV(T)                                                                                   \
  template void conv2d(const ConvShape&, const T*, const T*, const Epilogue<T>&, T*, Stream);            \
  template void conv2d_input_grad(const ConvShape&, const T*, const T*, const Epilogue<T>&, T*, Stream); \
  template void conv2d_weight_grad(const ConvShape&, const T*, const T*, T*, T*, Stream);
KANTOR_CONV(float)
KANTOR_CONV(double)

}  // namespace kantor::KANTOR_BACKEND
