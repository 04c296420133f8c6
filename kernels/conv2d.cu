// Convolution as three implicit matrix products (kernels/implicit_gemm.h): the window of a pixel is gathered while a
// tile is staged, never in memory.
//
//   forward       [pixels, window] x [window, filters]      window element (ky, kx, c), c fastest: reads coalesce
//   input grad    [places, taps * filters] x [.., channels] one product a parity class of places: with stride s only
//                 kernel rows ky = (y + padding) mod s meet row y, so each of the s^2 classes is a dense product of
//                 about 1/s^2 of the taps, instead of multiplying by the zeros between a stretched gradient's pixels
//   weight grad   [filters, pixels] x [pixels, window]      long sums for few outputs: split along the pixels into
//                 stretches that fill the GPU, and their partial filters added in order by a second launch
//
// FLOPs of each: 2 pixels filters window. Bias and activation are applied while the tile is in registers. Where a
// pixel, a place, a tap begin is found by divisions once a tile; from step to step counters are moved on by additions.
//
// With 1 to 4 channels the forward and the input gradient have kernels of their own (kernels/conv2d_few_channels.cu).
// Of the weight gradient, the 5 x 5 window of one channel fills 25 of a narrow tile's 32 columns.
#include "kernels/backend.h"
#include "kernels/conv2d.h"
#include "kernels/conv2d_few_channels.h"
#include "kernels/conv2d_sizes.h"
#include "kernels/implicit_gemm.h"

#include <type_traits>

namespace kantor::KANTOR_BACKEND {
namespace {

/// A number of three digits: low counts to `low` of its Radix, middle to `middle`, high without bound.
struct Digits {
  int high, middle, low;
};
struct Radix {
  int middle, low;

  __device__ Digits digits(int number) const {
    const int rest = number / low;
    return {rest / middle, rest % middle, number % low};
  }
  __device__ void add(Digits& d, int steps) const {
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
/// Radices of nothing count like those of one: products without terms never use them.
__device__ Radix radix(int middle, int low) {
  return {middle > 1 ? middle : 1, low > 1 ? low : 1};
}

/// Pictures [.., height, width, channels] that taps read: digits (row, column, channel) of a tap, counted downwards
/// or upwards from a place.
template <class T>
struct Pictures {
  const T* data;
  int height, width, channels;
  bool packed;  // four channels that begin at a multiple of four are 16 bytes, or two times 16

  /// On the host.
  Pictures(const T* pictures, int rows, int columns, int depth)
      : data(pictures), height(rows), width(columns), channels(depth), packed(depth % 4 == 0 && aligned(pictures)) {}

  __device__ const T* image(int n) const { return data + n * height * width * channels; }
  /// Four neighbours along the taps' numbers: zeros, in `out` already, outside of the picture.
  template <int direction>
  __device__ void read(const T* image, int y, int x, Digits tap, Radix taps, int count, T (&out)[4]) const {
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

/// Where a row's taps begin.
template <class T>
struct Place {
  const T* image;
  int y, x;
};

/// Rows are output pixels, k the elements of their windows.
template <class T>
struct WindowsOfPixels {
  static constexpr bool along_k = true;
  using Row = Place<T>;
  using Cursor = Digits;
  ConvSizes c;
  Pictures<T> x;

  __device__ Radix elements() const { return radix(c.kernel_width, c.channels); }
  __device__ Row row(int pixel) const {
    const Digits d = radix(c.out_height, c.out_width).digits(pixel);
    return {x.image(d.high), d.middle * c.stride - c.padding, d.low * c.stride - c.padding};
  }
  __device__ Cursor cursor(int k) const { return elements().digits(k); }
  __device__ void advance(Cursor& at) const { elements().add(at, tile_depth); }
  __device__ void load(const Row& row, Cursor at, int count, T (&out)[4]) const {
    x.template read<1>(row.image, row.y, row.x, at, elements(), count, out);
  }
};

/// The same the other way round: rows are elements of windows, k the pixels.
template <class T>
struct PixelsOfWindows {
  static constexpr bool along_k = false;
  using Row = Digits;
  using Cursor = Digits;
  ConvSizes c;
  Pictures<T> x;

  __device__ Radix elements() const { return radix(c.kernel_width, c.channels); }
  __device__ Radix pixels() const { return radix(c.out_height, c.out_width); }
  __device__ Row row(int element) const { return elements().digits(element); }
  __device__ Cursor cursor(int pixel) const { return pixels().digits(pixel); }
  __device__ void advance(Cursor& at) const { pixels().add(at, tile_depth); }
  __device__ void load(const Row& row, Cursor at, int count, T (&out)[4]) const {
    x.template read<1>(x.image(at.high), at.middle * c.stride - c.padding, at.low * c.stride - c.padding, row,
                       elements(), count, out);
  }
};

/// Rows are places of a parity class, k its (tap, filter) pairs: the output gradient's pixels that meet a place.
template <class T>
struct GradientOfPlaces {
  static constexpr bool along_k = true;
  using Row = Place<T>;
  using Cursor = Digits;
  ParityAxis v, h;
  Pictures<T> g;

  __device__ Radix pairs() const { return radix(h.taps, g.channels); }
  __device__ Row row(int place) const {
    const Digits d = radix(v.places, h.places).digits(place);
    return {g.image(d.high), d.middle + v.shift, d.low + h.shift};
  }
  __device__ Cursor cursor(int k) const { return pairs().digits(k); }
  __device__ void advance(Cursor& at) const { pairs().add(at, tile_depth); }
  __device__ void load(const Row& row, Cursor at, int count, T (&out)[4]) const {
    g.template read<-1>(row.image, row.y, row.x, at, pairs(), count, out);
  }
};

/// Rows are channels, k the (tap, filter) pairs of a parity class.
template <class T>
struct FiltersOfTaps {
  static constexpr bool along_k = false;
  using Row = const T*;
  using Cursor = Digits;
  ConvSizes c;
  ParityAxis v, h;
  const T* filter;
  bool packed;

  __device__ Radix pairs() const { return radix(h.taps, c.filters); }
  __device__ Row row(int channel) const { return filter + channel; }
  __device__ Cursor cursor(int k) const { return pairs().digits(k); }
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

/// f(sums + bias) to neighbouring channels from `channel` on.
template <class T, int size>
__device__ void write(const ChannelEpilogue<T>& epilogue, int channel, bool packed, int count, const T (&sums)[size],
                      T* to) {
  T values[size];
  for (int j = 0; j < count; ++j) values[j] = epilogue(channel + j, sums[j]);
  if constexpr (size == 4) {
    if (packed && count == 4) return store_four(to, values);
  }
  for (int j = 0; j < count; ++j) to[j] = values[j];
}

template <class T, int columns>
__global__ void conv2d_kernel(ConvSizes c, Pictures<T> x, MatrixView<T, true> filter, ChannelEpilogue<T> epilogue, T* y,
                              bool packed, int tiles_across) {
  gemm_tile<T, columns>(c.pixels(), c.filters, 0, c.window(), blockIdx.x / tiles_across, blockIdx.x % tiles_across,
                        WindowsOfPixels<T>{c, x}, filter, [&](int pixel, int o, int count, const auto& sums) {
                          write(epilogue, o, packed, count, sums, y + pixel * c.filters + o);
                        });
}

/// Block z is a parity class, block x a tile of its product. Classes differ in size: blocks beyond theirs do nothing.
template <class T, int columns>
__global__ void conv2d_input_grad_kernel(ConvSizes c, Pictures<T> g, const T* filter, bool filter_packed,
                                         ChannelEpilogue<T> epilogue, T* x, bool packed, int tiles_across) {
  const ParityAxis v(blockIdx.z / c.stride, c.height, c.kernel_height, c.stride, c.padding);
  const ParityAxis h(blockIdx.z % c.stride, c.width, c.kernel_width, c.stride, c.padding);
  const int places = c.batch * v.places * h.places, tile_row = blockIdx.x / tiles_across;
  if (tile_row >= (places + tile - 1) / tile) return;  // the whole block leaves
  gemm_tile<T, columns>(places, c.channels, 0, v.taps * h.taps * c.filters, tile_row, blockIdx.x % tiles_across,
                        GradientOfPlaces<T>{v, h, g}, FiltersOfTaps<T>{c, v, h, filter, filter_packed},
                        [&](int place, int channel, int count, const auto& sums) {
                          const Digits d = Radix{v.places, h.places}.digits(place);
                          const int row = v.first + c.stride * d.middle, column = h.first + c.stride * d.low;
                          write(epilogue, channel, packed, count, sums,
                                x + ((d.high * c.height + row) * c.width + column) * c.channels + channel);
                        });
}

/// Block y is a stretch of the pixels: partial filters [splits, filters, window].
template <class T, int columns>
__global__ void conv2d_weight_grad_kernel(ConvSizes c, Pictures<T> x, MatrixView<T, false> g, T* partial,
                                          int tiles_across, int stretch) {
  const int window = c.window(), begin = blockIdx.y * stretch;
  const int end = c.pixels() - begin < stretch ? c.pixels() : begin + stretch;
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

/// Calls start(columns of a tile, as a type) for a product of n columns.
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
void conv2d(const ConvShape& c, const T* x, const T* filter, const T* bias, Activation activation, T* y,
            Stream stream) {
  if (c.pixels() * c.filters == 0) return;
  if (few_channels(c, sizeof(T))) return conv2d_few_channels(c, x, filter, bias, activation, y, stream);
  const ConvSizes sizes = conv_sizes(c);
  const ChannelEpilogue<T> epilogue{bias, activation};
  with_columns(c.filters, [&](auto columns) {
    const int64_t across = tiles_of(c.filters, columns);
    launch<conv2d_kernel<T, decltype(columns)::value>>(
        {blocks_for(tiles_of(c.pixels()) * across, 1), gemm_threads, 0, stream}, sizes,
        Pictures<T>(x, sizes.height, sizes.width, sizes.channels), MatrixView<T, true>(filter, c.window()), epilogue, y,
        c.filters % 4 == 0 && aligned(y), across);
  });
}

template <class T>
void conv2d_input_grad(const ConvShape& c, const T* g, const T* filter, const T* bias, Activation activation, T* x,
                       Stream stream) {
  if (c.batch * c.height * c.width * c.channels == 0) return;
  if (few_channels(c, sizeof(T))) return conv2d_input_grad_few_channels(c, g, filter, bias, activation, x, stream);
  const ConvSizes sizes = conv_sizes(c);
  const ChannelEpilogue<T> epilogue{bias, activation};
  const int64_t most = c.batch * ((c.height + c.stride - 1) / c.stride) * ((c.width + c.stride - 1) / c.stride);
  with_columns(c.channels, [&](auto columns) {
    const int64_t across = tiles_of(c.channels, columns);
    launch<conv2d_input_grad_kernel<T, decltype(columns)::value>>(
        {dim3(blocks_for(tiles_of(most) * across, 1), 1, blocks_for(c.stride * c.stride, 1)), gemm_threads, 0, stream},
        sizes, Pictures<T>(g, sizes.out_height, sizes.out_width, sizes.filters), filter,
        c.channels % 4 == 0 && aligned(filter), epilogue, x, c.channels % 4 == 0 && aligned(x), across);
  });
}

template <class T>
void conv2d_weight_grad(const ConvShape& c, const T* x, const T* g, T* filter, T* workspace, Stream stream) {
  const int64_t size = c.filters * c.window(), splits = weight_grad_splits(c);
  if (size == 0) return;
  const ConvSizes sizes = conv_sizes(c);
  const int64_t stretch = (c.pixels() + splits - 1) / splits;
  with_columns(c.window(), [&](auto columns) {
    const int64_t across = tiles_of(c.window(), columns);
    launch<conv2d_weight_grad_kernel<T, decltype(columns)::value>>(
        {dim3(blocks_for(tiles_of(c.filters) * across, 1), blocks_for(splits, 1)), gemm_threads, 0, stream}, sizes,
        Pictures<T>(x, sizes.height, sizes.width, sizes.channels), MatrixView<T, false>(g, c.filters),
        splits == 1 ? filter : workspace, across, stretch);
  });
  if (splits == 1) return;
  constexpr int threads = 256;
  launch<add_splits_kernel<T>>({blocks_for(size, threads), threads, 0, stream}, workspace, filter, splits, size);
}

#define KANTOR_CONV(T)                                                                                     \
  template void conv2d(const ConvShape&, const T*, const T*, const T*, Activation, T*, Stream);            \
  template void conv2d_input_grad(const ConvShape&, const T*, const T*, const T*, Activation, T*, Stream); \
  template void conv2d_weight_grad(const ConvShape&, const T*, const T*, T*, T*, Stream);
KANTOR_CONV(float)
KANTOR_CONV(double)

}  // namespace kantor::KANTOR_BACKEND
