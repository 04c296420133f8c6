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
// FLOPs of each: 2 pixels filters window. Bias and activation are applied while the tile is in registers.
#include "kernels/backend.h"
#include "kernels/conv2d.h"
#include "kernels/implicit_gemm.h"

namespace kantor::KANTOR_BACKEND {
namespace {

/// Element (pixel, window element) of the windows of x; zero in the padding.
template <class T>
struct WindowView {
  ConvShape c;
  const T* x;
  __device__ T operator()(int64_t pixel, int64_t element) const {
    const int64_t channel = element % c.channels, tap = element / c.channels;
    const int64_t ox = pixel % c.out_width, rest = pixel / c.out_width;
    const int64_t y = rest % c.out_height * c.stride - c.padding + tap / c.kernel_width;
    const int64_t xx = ox * c.stride - c.padding + tap % c.kernel_width;
    if (y < 0 || y >= c.height || xx < 0 || xx >= c.width) return T(0);
    return x[((rest / c.out_height * c.height + y) * c.width + xx) * c.channels + channel];
  }
};

template <class T>
__global__ void conv2d_kernel(ConvShape c, const T* x, const T* filter, const T* bias, Activation activation, T* y,
                              int64_t tiles_across) {
  const WindowView<T> windows{c, x};
  const int64_t window = c.window();
  gemm_tile<T>(
      c.pixels(), c.filters, 0, window, blockIdx.x / tiles_across, blockIdx.x % tiles_across, windows,
      [&](int64_t k, int64_t o) { return filter[o * window + k]; },
      [&](int64_t pixel, int64_t o, T sum) {
        if (bias != nullptr) sum += bias[o];
        y[pixel * c.filters + o] = function::Activate{activation}(sum);
      });
}

/// One axis of a parity class: places p = first + stride * i that kernel taps first_tap + stride * j meet, and the
/// output index that tap j of place i comes from: i + shift - j.
struct ParityAxis {
  int64_t first, places, first_tap, taps, shift;

  __device__ ParityAxis(int64_t parity, int64_t extent, int64_t kernel, int64_t stride, int64_t padding) {
    first = parity;
    places = extent > parity ? (extent - parity + stride - 1) / stride : 0;
    first_tap = (parity + padding) % stride;
    taps = kernel > first_tap ? (kernel - first_tap + stride - 1) / stride : 0;
    shift = (parity + padding - first_tap) / stride;
  }
};

/// Block z is a parity class, block x a tile of its product. Classes differ in size: blocks beyond theirs do nothing.
template <class T>
__global__ void conv2d_input_grad_kernel(ConvShape c, const T* g, const T* filter, const T* bias, Activation activation,
                                         T* x, int64_t tiles_across) {
  const ParityAxis v(blockIdx.z / c.stride, c.height, c.kernel_height, c.stride, c.padding);
  const ParityAxis h(blockIdx.z % c.stride, c.width, c.kernel_width, c.stride, c.padding);
  const int64_t places = c.batch * v.places * h.places;
  const int64_t tile_row = blockIdx.x / tiles_across;
  if (tile_row * tile >= places) return;  // the whole block leaves
  gemm_tile<T>(
      places, c.channels, 0, v.taps * h.taps * c.filters, tile_row, blockIdx.x % tiles_across,
      [&](int64_t place, int64_t k) {
        const int64_t o = k % c.filters, tap = k / c.filters;
        const int64_t oy = place / h.places % v.places + v.shift - tap / h.taps;
        const int64_t ox = place % h.places + h.shift - tap % h.taps;
        if (oy < 0 || oy >= c.out_height || ox < 0 || ox >= c.out_width) return T(0);
        return g[((place / h.places / v.places * c.out_height + oy) * c.out_width + ox) * c.filters + o];
      },
      [&](int64_t k, int64_t channel) {
        const int64_t o = k % c.filters, tap = k / c.filters;
        const int64_t ky = v.first_tap + c.stride * (tap / h.taps), kx = h.first_tap + c.stride * (tap % h.taps);
        return filter[((o * c.kernel_height + ky) * c.kernel_width + kx) * c.channels + channel];
      },
      [&](int64_t place, int64_t channel, T sum) {
        const int64_t y = v.first + c.stride * (place / h.places % v.places);
        const int64_t xx = h.first + c.stride * (place % h.places);
        if (bias != nullptr) sum += bias[channel];
        x[((place / h.places / v.places * c.height + y) * c.width + xx) * c.channels + channel] =
            function::Activate{activation}(sum);
      });
}

/// Block y is a stretch of the pixels: partial filters [splits, filters, window].
template <class T>
__global__ void conv2d_weight_grad_kernel(ConvShape c, const T* x, const T* g, T* partial, int64_t tiles_across,
                                          int64_t stretch) {
  const WindowView<T> windows{c, x};
  const int64_t window = c.window(), begin = blockIdx.y * stretch;
  const int64_t end = begin + stretch < c.pixels() ? begin + stretch : c.pixels();
  T* out = partial + blockIdx.y * c.filters * window;
  gemm_tile<T>(
      c.filters, window, begin, end, blockIdx.x / tiles_across, blockIdx.x % tiles_across,
      [&](int64_t o, int64_t pixel) { return g[pixel * c.filters + o]; }, windows,
      [&](int64_t o, int64_t element, T sum) { out[o * window + element] = sum; });
}

template <class T>
__global__ void add_splits_kernel(const T* partial, T* filter, int64_t splits, int64_t size) {
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= size) return;
  T total = 0;
  for (int64_t s = 0; s < splits; ++s) total += partial[s * size + i];
  filter[i] = total;
}

}  // namespace

template <class T>
void conv2d(const ConvShape& c, const T* x, const T* filter, const T* bias, Activation activation, T* y,
            Stream stream) {
  if (c.pixels() * c.filters == 0) return;
  const int64_t across = tiles_of(c.filters);
  launch<conv2d_kernel<T>>({blocks_for(tiles_of(c.pixels()) * across, 1), gemm_threads, 0, stream}, c, x, filter, bias,
                           activation, y, across);
}

template <class T>
void conv2d_input_grad(const ConvShape& c, const T* g, const T* filter, const T* bias, Activation activation, T* x,
                       Stream stream) {
  if (c.batch * c.height * c.width * c.channels == 0) return;
  const int64_t across = tiles_of(c.channels);
  const int64_t most = c.batch * ((c.height + c.stride - 1) / c.stride) * ((c.width + c.stride - 1) / c.stride);
  launch<conv2d_input_grad_kernel<T>>(
      {dim3(blocks_for(tiles_of(most) * across, 1), 1, blocks_for(c.stride * c.stride, 1)), gemm_threads, 0, stream}, c,
      g, filter, bias, activation, x, across);
}

template <class T>
void conv2d_weight_grad(const ConvShape& c, const T* x, const T* g, T* filter, T* workspace, Stream stream) {
  const int64_t size = c.filters * c.window(), splits = weight_grad_splits(c);
  if (size == 0) return;
  const int64_t across = tiles_of(c.window()), stretch = (c.pixels() + splits - 1) / splits;
  launch<conv2d_weight_grad_kernel<T>>(
      {dim3(blocks_for(tiles_of(c.filters) * across, 1), blocks_for(splits, 1)), gemm_threads, 0, stream}, c, x, g,
      splits == 1 ? filter : workspace, across, stretch);
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
