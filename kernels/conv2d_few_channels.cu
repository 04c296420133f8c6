// Convolutions from and to pictures of 1 to 4 channels, where a 64 x 64 tile of a product would be mostly empty: the
// window of one channel has 25 elements, the input gradient 1 to 4 columns. FLOPs: 2 pixels filters window. The windows
// that most networks have go to kernels/conv2d_lane_filters.cu in float32.
//
// Forward, bound by the bytes of its output: a block stages the whole windows of 64 pixels and 64 filters in shared
// memory, at one barrier, and a thread makes 4 x 4 sums of them. Filters are staged once for several tiles of pixels.
//
// Input gradient, bound by the bytes of the output gradient: a lane takes every 32nd filter, so that a warp reads a
// pixel's filters side by side. A warp computes four neighbours of a parity class (kernels/conv2d.cu) at once: for
// each tap and filter it reads `channels` weights from shared memory and 4 gradients, which the L1 cache has from the
// previous tap, and does 4 * channels multiply-adds. At the end, shuffles add the sums of the lanes.
#include "kernels/backend.h"
#include "kernels/block.h"
#include "kernels/conv2d_few_channels.h"
#include "kernels/conv2d_lane_filters.h"
#include "kernels/conv2d_sizes.h"
#include "kernels/pack.h"

#include <type_traits>

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int threads = 256;
constexpr int tile_size = 64, tile_row = tile_size + 4;  // pixels or filters per block; row stride in elements
constexpr int neighbours = 4,
              lane_row = 32 + 1;  // positions of a warp; elements from row to row, in banks of their own

/// Block (x, y) computes `tiles` times 64 pixels and 64 filters.
template <class T>
__global__ void few_channels_kernel(ConvSizes c, const T* x, const T* filter, Epilogue<T> epilogue, T* y, int tiles) {
  const int window = c.window(), taps = c.kernel_height * c.kernel_width;
  T* windows = dynamic_shared<T>();          // [window][tile_row], pixels side by side
  T* filters = windows + window * tile_row;  // [window][tile_row], filters side by side
  const int first_filter = blockIdx.y * tile_size;
  for (int e = threadIdx.x; e < window * tile_size; e += threads) {
    const int o = e / window, element = e % window;
    filters[element * tile_row + o] =
        first_filter + o < c.filters ? filter[(first_filter + o) * window + element] : T(0);
  }
  const int row = threadIdx.x / (tile_size / 4) * 4, column = threadIdx.x % (tile_size / 4) * 4;
  for (int tile = 0; tile < tiles; ++tile) {
    const int64_t first_pixel = (int64_t(blockIdx.x) * tiles + tile) * tile_size;
    const int mine = threadIdx.x % tile_size;
    const bool exists = first_pixel + mine < c.pixels();
    const int pixel = exists ? int(first_pixel) + mine : 0;
    const int position = pixel % (c.out_height * c.out_width);
    const int top = position / c.out_width * c.stride - c.padding, left = position % c.out_width * c.stride - c.padding;
    const T* image = x + pixel / (c.out_height * c.out_width) * c.height * c.width * c.channels;
    if (tile > 0) __syncthreads();  // all threads have read the previous windows
    for (int tap = threadIdx.x / tile_size; tap < taps; tap += threads / tile_size) {
      const int yy = top + tap / c.kernel_width, xx = left + tap % c.kernel_width;
      const bool inside = exists && yy >= 0 && yy < c.height && xx >= 0 && xx < c.width;
      for (int channel = 0; channel < c.channels; ++channel) {
        windows[(tap * c.channels + channel) * tile_row + mine] =
            inside ? image[(yy * c.width + xx) * c.channels + channel] : T(0);
      }
    }
    __syncthreads();
    T sums[4][4] = {};
    for (int e = 0; e < window; ++e) {
      T of_pixels[4], of_filters[4];
      load_four(windows + e * tile_row + row, of_pixels);
      load_four(filters + e * tile_row + column, of_filters);
      for (int i = 0; i < 4; ++i) {
        for (int j = 0; j < 4; ++j) sums[i][j] += of_pixels[i] * of_filters[j];
      }
    }
    for (int i = 0; i < 4; ++i) {
      for (int j = 0; j < 4; ++j) {
        const int o = first_filter + column + j;
        if (first_pixel + row + i < c.pixels() && o < c.filters) {
          const int64_t place = (first_pixel + row + i) * c.filters + o;
          y[place] = epilogue(o, place, sums[i][j]);
        }
      }
    }
  }
}

/// Block z is a parity class; a warp computes four neighbouring positions in one of its rows, for all channels.
template <class T, int channels>
__global__ void input_grad_few_channels_kernel(ConvSizes c, const T* g, const T* filter, Epilogue<T> epilogue, T* x) {
  const int window = c.window(), lane = threadIdx.x % 32;
  T* weights = dynamic_shared<T>();  // [window][lane_row], 32 filters side by side
  const ParityAxis v(blockIdx.z / c.stride, c.height, c.kernel_height, c.stride, c.padding);
  const ParityAxis h(blockIdx.z % c.stride, c.width, c.kernel_width, c.stride, c.padding);
  const int across = (h.positions + neighbours - 1) / neighbours;
  const int64_t group = int64_t(blockIdx.x) * (threads / 32) + threadIdx.x / 32;
  const bool exists = group < int64_t(c.batch) * v.positions * across;
  const int i = exists ? int(group / across) % v.positions : 0, image = exists ? int(group / across) / v.positions : 0;
  const int j = exists ? int(group % across) * neighbours : 0;
  const T* gradient = g + image * c.out_height * c.out_width * c.filters;
  T sums[neighbours][channels] = {};
  for (int first = 0; first < c.filters; first += 32) {
    if (first > 0) __syncthreads();  // all threads have read the previous filters
    for (int e = threadIdx.x; e < window * 32; e += threads) {
      const int o = e / window, element = e % window;
      weights[element * lane_row + o] = first + o < c.filters ? filter[(first + o) * window + element] : T(0);
    }
    __syncthreads();
    if (!exists || first + lane >= c.filters) continue;
    for (int a = 0; a < v.taps; ++a) {
      const int oy = i + v.shift - a;
      if (oy < 0 || oy >= c.out_height) continue;
      for (int b = 0; b < h.taps; ++b) {
        const int tap = (v.first_tap + c.stride * a) * c.kernel_width + h.first_tap + c.stride * b;
        T w[channels];
        for (int k = 0; k < channels; ++k) w[k] = weights[(tap * channels + k) * lane_row + lane];
        for (int p = 0; p < neighbours; ++p) {
          const int ox = j + p + h.shift - b;
          if (ox < 0 || ox >= c.out_width) continue;
          const T value = gradient[(oy * c.out_width + ox) * c.filters + first + lane];
          for (int k = 0; k < channels; ++k) sums[p][k] += value * w[k];
        }
      }
    }
  }
  T mine = 0;
  for (int p = 0; p < neighbours; ++p) {
    for (int k = 0; k < channels; ++k) {
      const T total = warp_sum(sums[p][k]);
      if (lane == p * channels + k) mine = total;
    }
  }
  const int position = j + lane / channels, channel = lane % channels;
  if (!exists || lane >= neighbours * channels || position >= h.positions) return;
  const int yy = v.first + c.stride * i, xx = h.first + c.stride * position;
  const int place = ((image * c.height + yy) * c.width + xx) * channels + channel;
  x[place] = epilogue(channel, place, mine);
}

template <class T, int channels>
void start_input_grad(const ConvShape& c, const T* g, const T* filter, const Epilogue<T>& epilogue, T* x,
                      Stream stream) {
  const int64_t across = ((c.width + c.stride - 1) / c.stride + neighbours - 1) / neighbours;
  const int64_t groups = c.batch * ((c.height + c.stride - 1) / c.stride) * across;
  launch<input_grad_few_channels_kernel<T, channels>>(
      {dim3(blocks_for(groups, threads / 32), 1, blocks_for(c.stride * c.stride, 1)), threads,
       size_t(c.window()) * lane_row * sizeof(T), stream},
      conv_sizes(c), g, filter, epilogue, x);
}

}  // namespace

template <class T>
void conv2d_few_channels(const ConvShape& c, const T* x, const T* filter, const Epilogue<T>& epilogue, T* y,
                         Stream stream) {
  if constexpr (std::is_same_v<T, float>) {
    if (lane_filters(c)) return conv2d_lane_filters(c, x, filter, epilogue, y, stream);
  }
  constexpr int64_t enough_blocks = 1024, most_tiles = 8;
  const int64_t pixel_tiles = (c.pixels() + tile_size - 1) / tile_size,
                filter_tiles = (c.filters + tile_size - 1) / tile_size;
  const int64_t wanted = pixel_tiles * filter_tiles / enough_blocks;
  const int64_t tiles = wanted < 1 ? 1 : wanted < most_tiles ? wanted : most_tiles;
  launch<few_channels_kernel<T>>({dim3(blocks_for(pixel_tiles, tiles), blocks_for(filter_tiles, 1)), threads,
                                  size_t(2 * c.window()) * tile_row * sizeof(T), stream},
                                 conv_sizes(c), x, filter, epilogue, y, tiles);
}

template <class T>
void conv2d_input_grad_few_channels(const ConvShape& c, const T* g, const T* filter, const Epilogue<T>& epilogue, T* x,
                                    Stream stream) {
  if constexpr (std::is_same_v<T, float>) {
    if (lane_filters(c) && lane_filters_team(c) > 0) {
      return conv2d_input_grad_lane_filters(c, g, filter, epilogue, x, stream);
    }
  }
  const auto start = c.channels == 1   ? start_input_grad<T, 1>
                     : c.channels == 2 ? start_input_grad<T, 2>
                     : c.channels == 3 ? start_input_grad<T, 3>
                                       : start_input_grad<T, 4>;
  start(c, g, filter, epilogue, x, stream);
}

#define KANTOR_CONV_FEW_CHANNELS(T)                                                                        \
  template void conv2d_few_channels(const ConvShape&, const T*, const T*, const Epilogue<T>&, T*, Stream); \
  template void conv2d_input_grad_few_channels(const ConvShape&, const T*, const T*, const Epilogue<T>&, T*, Stream);
KANTOR_CONV_FEW_CHANNELS(float)
KANTOR_CONV_FEW_CHANNELS(double)

}  // namespace kantor::KANTOR_BACKEND
