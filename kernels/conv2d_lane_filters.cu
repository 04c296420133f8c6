// Convolutions with few channels whose weights stay in registers: a lane owns one or two filters.
//
// Floors for 128 images of 64 x 64 x 3, 64 filters of 4 x 4, stride 2, in float32: 40 MB (the output, or its gradient,
// and the images), 13 us at 3 TB/s; 2 pixels filters window = 805 MFLOP, 13 us at 60 TFLOP/s. Both count, so neither
// may wait for the other, nor for shared memory: multiplying from there by tiles costs as many cycles again.
//
// Forward: the block's part of the image lies in shared memory. A warp makes two neighbouring pixels at once: all lanes
// read the same 16 bytes (20 reads for 192 multiply-adds of a lane), and write 32 filters side by side. No lane needs
// another's sums.
//
// Input gradient: with stride 2, the four positions (2i, 2j) .. (2i + 1, 2j + 1) need the gradients of the pixels
// (i - 1, j - 1) .. (i + 1, j + 1) and every weight once. A warp makes two such squares below each other, and walks to
// the right: a step reads one new column of 4 pixels, coalesced and ahead of its use, and does 2 window multiply-adds a
// filter, without a barrier. Then the sums of the lanes are added: each exchange halves how many sums a
// lane is in charge of, 9 shuffles a channel instead of 40. Several warps share the filters where there are more than
// one warp owns. A strip's sums are collected in shared memory and written together, with the epilogue.
#include "kernels/backend.h"
#include "kernels/block.h"
#include "kernels/conv2d_lane_filters.h"
#include "kernels/conv2d_sizes.h"
#include "kernels/pack.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int threads = 128, warps = threads / 32, stride = 2;
constexpr int strip = 8;                           // steps of a warp to the right
constexpr int strip_height = 4, strip_width = 16;  // what they make: positions of two squares, times the steps

template <int channels, int kernel>
struct Sizes {
  static constexpr int window = kernel * kernel * channels, padding = (kernel - 1) / 2;
  static constexpr int per_warp = LaneFilters(window).per_warp, per_lane = per_warp / 32;
  static constexpr int row = LaneFilters(window).row;
  static constexpr int pair = 2 * stride * channels;  // elements from one pair of pixels to the next
  static constexpr int run = ((stride + kernel) * channels + 3) / 4 * 4;  // of an image's row that a pair needs
};

/// Copies `count` filters from `first` on into shared memory, zeros behind the last. Ends without a barrier.
template <class Size>
__device__ void stage_filters(const ConvSizes& c, const float* filter, int first, int count, float* staged) {
  for (int e = threadIdx.x; e < count * Size::window; e += threads) {
    const int o = e / Size::window, element = e % Size::window;
    staged[o * Size::row + element] = first + o < c.filters ? filter[(first + o) * Size::window + element] : 0.0F;
  }
}

/// The weights of a lane: filters lane and lane + 32 of a warp.
template <class Size>
struct Weights {
  float of[Size::per_lane][Size::window];

  __device__ explicit Weights(const float* staged) {
#pragma unroll
    for (int f = 0; f < Size::per_lane; ++f) {
#pragma unroll
      for (int e = 0; e < Size::window; ++e) of[f][e] = staged[(threadIdx.x % 32 + 32 * f) * Size::row + e];
    }
  }
};

/// What a block of the forward makes: `rows` x `width` pixels of an image.
struct ForwardTile {
  int width, rows, across, down;  // the last two: tiles of an image
  int patch_row;                  // elements from row to row of the part of the image, a multiple of four

  __device__ int patch_rows(int kernel) const { return (rows - 1) * stride + kernel; }
};

/// Block (x, y): a tile, and the filters of a warp.
template <int channels, int kernel>
__global__ void __launch_bounds__(threads, 4)
    lane_filters_kernel(ConvSizes c, const float* x, const float* filter, Epilogue<float> epilogue, float* y,
                        ForwardTile tile) {
  using Size = Sizes<channels, kernel>;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  float* patch = dynamic_shared<float>();
  float* staged = patch + tile.patch_rows(kernel) * tile.patch_row;
  const int left = int(blockIdx.x) % tile.across * tile.width, rest = int(blockIdx.x) / tile.across;
  const int top = rest % tile.down * tile.rows, image = rest / tile.down, first = int(blockIdx.y) * Size::per_warp;
  stage_filters<Size>(c, filter, first, Size::per_warp, staged);
  const int line = c.width * channels, offset = (left * stride - Size::padding) * channels;
  for (int r = warp; r < tile.patch_rows(kernel); r += warps) {
    const int yy = top * stride - Size::padding + r;
    const float* from = x + (image * c.height + yy) * line;
    for (int i = lane; i < tile.patch_row; i += 32) {
      const bool inside = unsigned(yy) < unsigned(c.height) && unsigned(offset + i) < unsigned(line);
      patch[r * tile.patch_row + i] = inside ? from[offset + i] : 0.0F;
    }
  }
  __syncthreads();
  const Weights<Size> weights(staged);
  const int pairs = (tile.width + 1) / 2;
  for (int row = 0, pair = warp;; pair += warps) {
    while (pair >= pairs) {
      pair -= pairs;
      ++row;
    }
    if (row >= tile.rows || top + row >= c.out_height) break;
    float sums[2][Size::per_lane] = {};
#pragma unroll
    for (int ky = 0; ky < kernel; ++ky) {
      const float* from = patch + (row * stride + ky) * tile.patch_row + pair * Size::pair;
      float values[Size::run / 4][4];
#pragma unroll
      for (int i = 0; i < Size::run / 4; ++i) load_four(from + 4 * i, values[i]);
#pragma unroll
      for (int e = 0; e < kernel * channels; ++e) {
        const int second = e + stride * channels;
#pragma unroll
        for (int f = 0; f < Size::per_lane; ++f) {
          const float weight = weights.of[f][ky * kernel * channels + e];
          sums[0][f] += values[e / 4][e % 4] * weight;
          sums[1][f] += values[second / 4][second % 4] * weight;
        }
      }
    }
#pragma unroll
    for (int p = 0; p < 2; ++p) {
      const int column = 2 * pair + p, pixel = (image * c.out_height + top + row) * c.out_width + left + column;
#pragma unroll
      for (int f = 0; f < Size::per_lane; ++f) {
        const int o = first + lane + 32 * f, place = pixel * c.filters + o;
        if (column < tile.width && left + column < c.out_width && o < c.filters) {
          y[place] = epilogue(o, place, sums[p][f]);
        }
      }
    }
  }
}

/// Adds 2 * half values over pairs of lanes that differ in the bit `offset`: of their sums, the lane without the bit
/// gets the first half, the other one the second, in the first places of the array.
template <int half>
__device__ void add_and_halve(float* values, int offset) {
  const bool upper = (threadIdx.x & unsigned(offset)) != 0;
#pragma unroll
  for (int i = 0; i < half; ++i) {
    const float given = upper ? values[i] : values[i + half], kept = upper ? values[i + half] : values[i];
    values[i] = kept + __shfl_xor_sync(full_warp, given, offset);
  }
}

/// The squares of positions of an input gradient, as strips.
struct Strips {
  int across, down, count;  // strips in a row, rows of strips in an image, strips of all images
  int team;                 // warps that make a strip
  int rounds;               // strips that a team makes, one after the other
};

template <int channels, int kernel>
__global__ void __launch_bounds__(threads, 3)
    input_grad_lane_filters_kernel(ConvSizes c, const float* g, const float* filter, Epilogue<float> epilogue, float* x,
                                   Strips strips) {
  using Size = Sizes<channels, kernel>;
  constexpr int line = strip_width * channels;
  __shared__ float sums[warps][strip_height][line];
  float* staged = dynamic_shared<float>();
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, member = warp % strips.team;
  stage_filters<Size>(c, filter, 0, strips.team * Size::per_warp, staged);
  __syncthreads();
  const Weights<Size> weights(staged + member * Size::per_warp * Size::row);
  const int teams = warps / strips.team, first = member * Size::per_warp + lane;
  float* my_sums = &sums[warp][lane / 8][lane / 4 % 2 * channels + lane % 4];  // square and row, column, channel
  for (int round = 0; round < strips.rounds; ++round) {
    const int number = (int(blockIdx.x) * strips.rounds + round) * teams + warp / strips.team;
    const bool exists = number < strips.count;
    const int down = number / strips.across, left = number % strips.across * strip;
    const int top = down % strips.down * 2, image = down / strips.down;
    // Gradients of the pixels of a column that this lane's filters have.
    const int line_size = c.out_width * c.filters, corner = (image * c.out_height + top - 1) * line_size + first;
    const auto read = [&](int column, float(&to)[4][Size::per_lane]) {
      const bool has_column = unsigned(column) < unsigned(c.out_width);
      const int at = corner + column * c.filters;
#pragma unroll
      for (int r = 0; r < 4; ++r) {
        const bool has_row = has_column && unsigned(top - 1 + r) < unsigned(c.out_height);
#pragma unroll
        for (int f = 0; f < Size::per_lane; ++f) {
          to[r][f] = has_row && first + 32 * f < c.filters ? g[at + r * line_size + 32 * f] : 0.0F;
        }
      }
    };
    if (exists) {
      float near[3][4][Size::per_lane];
      read(left - 1, near[0]);
      read(left, near[1]);
      read(left + 1, near[2]);
#pragma unroll 1
      for (int step = 0; step < strip; ++step) {
        float squares[2 * channels];
#pragma unroll
        for (int square = 0; square < 2; ++square) {
          float values[4 * channels] = {};
#pragma unroll
          for (int kx = kernel - 1; kx >= 0; --kx) {  // the column that was read last comes last
#pragma unroll
            for (int ky = 0; ky < kernel; ++ky) {
              // Row 2i + a takes the gradient of row i + (a + padding - ky) / 2 where that is whole; columns likewise.
              const int a = (ky + Size::padding) % 2, dy = (a + Size::padding - ky) / 2;
              const int b = (kx + Size::padding) % 2, dx = (b + Size::padding - kx) / 2;
#pragma unroll
              for (int f = 0; f < Size::per_lane; ++f) {
#pragma unroll
                for (int k = 0; k < channels; ++k) {
                  values[(a * 2 + b) * channels + k] +=
                      near[1 + dx][square + 1 + dy][f] * weights.of[f][(ky * kernel + kx) * channels + k];
                }
              }
            }
          }
          add_and_halve<2 * channels>(values, 8);
          add_and_halve<channels>(values, 4);
#pragma unroll
          for (int k = 0; k < channels; ++k) squares[square * channels + k] = values[k];
        }
#pragma unroll
        for (int r = 0; r < 4; ++r) {
#pragma unroll
          for (int f = 0; f < Size::per_lane; ++f) {
            near[0][r][f] = near[1][r][f];
            near[1][r][f] = near[2][r][f];
          }
        }
        read(left + step + 2, near[2]);
        add_and_halve<channels>(squares, 16);
        float mine = 0;
#pragma unroll
        for (int k = 0; k < channels; ++k) {
          squares[k] += __shfl_xor_sync(full_warp, squares[k], 2);
          squares[k] += __shfl_xor_sync(full_warp, squares[k], 1);
          mine = lane % 4 == k ? squares[k] : mine;
        }
        if (lane % 4 < channels) my_sums[2 * step * channels] = mine;
      }
    }
    __syncthreads();
    for (int e = member * 32 + lane; exists && e < strip_height * line; e += 32 * strips.team) {
      const int row = e / line, element = e % line;
      const int yy = 2 * top + row, xx = 2 * left + element / channels;
      if (yy >= c.height || xx >= c.width) continue;
      float total = 0;
      for (int m = 0; m < strips.team; ++m) total += sums[warp - member + m][row][element];
      const int place = ((image * c.height + yy) * c.width + xx) * channels + element % channels;
      x[place] = epilogue(element % channels, place, total);
    }
    __syncthreads();  // all have read the sums
  }
}

template <int channels, int kernel>
void start_forward(const ConvShape& c, const float* x, const float* filter, const Epilogue<float>& epilogue, float* y,
                   Stream stream) {
  using Size = Sizes<channels, kernel>;
  constexpr int64_t widest = 32, most_pixels = 256, most_rows = 32, enough_blocks = 264;
  const int64_t width = c.out_width < widest ? c.out_width : widest, across = (c.out_width + width - 1) / width;
  const auto tiles = [&](int64_t rows) { return c.batch * across * ((c.out_height + rows - 1) / rows); };
  int64_t rows = most_pixels / width < most_rows ? most_pixels / width : most_rows;
  rows = rows < c.out_height ? rows : c.out_height;
  while (rows > 1 && tiles(rows) < enough_blocks) rows = (rows + 1) / 2;
  const ConvSizes sizes = conv_sizes(c);
  const int patch_row = int((width + 1) / 2 - 1) * Size::pair + Size::run;
  const ForwardTile tile{int(width), int(rows), int(across), int((c.out_height + rows - 1) / rows), patch_row};
  const int64_t elements = ((rows - 1) * stride + kernel) * patch_row + Size::per_warp * Size::row;
  launch<lane_filters_kernel<channels, kernel>>(
      {dim3(blocks_for(tiles(rows), 1), blocks_for(c.filters, Size::per_warp)), threads,
       size_t(elements) * sizeof(float), stream},
      sizes, x, filter, epilogue, y, tile);
}

template <int channels, int kernel>
void start_input_grad(const ConvShape& c, const float* g, const float* filter, const Epilogue<float>& epilogue,
                      float* x, Stream stream) {
  using Size = Sizes<channels, kernel>;
  constexpr int64_t enough_blocks = 1024, most_rounds = 8;
  const int64_t across = (c.width + strip_width - 1) / strip_width;
  const int64_t down = (c.height + strip_height - 1) / strip_height;
  const int64_t team = lane_filters_team(c), count = c.batch * down * across,
                blocks = (count * team + warps - 1) / warps;
  const int64_t wanted = blocks / enough_blocks, rounds = wanted < 1 ? 1 : wanted < most_rounds ? wanted : most_rounds;
  const Strips strips{int(across), int(down), int(count), int(team), int(rounds)};
  launch<input_grad_lane_filters_kernel<channels, kernel>>(
      {blocks_for(blocks, rounds), threads, size_t(team * Size::per_warp * Size::row) * sizeof(float), stream},
      conv_sizes(c), g, filter, epilogue, x, strips);
}

}  // namespace

void conv2d_lane_filters(const ConvShape& c, const float* x, const float* filter, const Epilogue<float>& epilogue,
                         float* y, Stream stream) {
  const auto start = c.channels == 1       ? c.kernel_width == 4 ? start_forward<1, 4> : start_forward<1, 5>
                           : c.kernel_width == 4 ? start_forward<3, 4>
                                           : start_forward<3, 5>;
  start(c, x, filter, epilogue, y, stream);
}

void conv2d_input_grad_lane_filters(const ConvShape& c, const float* g, const float* filter,
                                    const Epilogue<float>& epilogue, float* x, Stream stream) {
  const auto start = c.channels == 1       ? c.kernel_width == 4 ? start_input_grad<1, 4> : start_input_grad<1, 5>
                           : c.kernel_width == 4 ? start_input_grad<3, 4>
                                           : start_input_grad<3, 5>;
  start(c, g, filter, epilogue, x, stream);
}

}  // namespace kantor::KANTOR_BACKEND
