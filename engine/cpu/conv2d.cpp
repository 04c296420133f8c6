#include "engine/cpu/conv2d.h"

#include "engine/cpu/direct_conv2d.h"
#include "engine/cpu/panel.h"
#include "engine/cpu/parallel.h"
#include "engine/cpu/scratch.h"

#include <algorithm>

namespace kantor::cpu {
namespace {

/// Elements of one input image, and pixels of one output image.
int64_t image_of(const ConvShape& c) {
  return c.height * c.width * c.channels;
}
int64_t places_of(const ConvShape& c) {
  return c.out_height * c.out_width;
}

/// Output pixels per block, counted over all images: enough rows for a product at full speed, but few enough that the
/// gathered rows stay in the second-level cache if possible.
int64_t block_pixels(const ConvShape& c) {
  return std::clamp<int64_t>(131072 / std::max<int64_t>(c.window(), 1), 128, 512);
}

/// The part of a window row that lies inside the image: kernel columns [first, last), starting at input column x.
struct Run {
  int64_t first, last, x;
};

Run run_of(const ConvShape& c, int64_t out_x) {
  const int64_t x0 = out_x * c.stride - c.padding;
  const int64_t first = std::max<int64_t>(0, -x0);
  const int64_t last = std::max(first, std::min(c.kernel_width, c.width - x0));
  return {first, last, x0 + first};
}

/// Calls inside(kernel row's offset in the window, run, pointer offset in the images) for each window row of an output
/// pixel that lies in its image, and outside(offset in the window) for the others.
template <class F>
void for_window_rows(const ConvShape& c, int64_t pixel, const F& inside, const auto& outside) {
  const int64_t image = pixel / places_of(c) * image_of(c), place = pixel % places_of(c);
  const int64_t out_y = place / c.out_width, out_x = place % c.out_width;
  const Run run = run_of(c, out_x);
  for (int64_t ky = 0; ky < c.kernel_height; ++ky) {
    const int64_t y = out_y * c.stride - c.padding + ky;
    const int64_t row = ky * c.kernel_width * c.channels;
    if (y < 0 || y >= c.height || run.first >= run.last) {
      outside(row);
    } else {
      inside(row, run, image + (y * c.width + run.x) * c.channels);
    }
  }
}

/// Windows of output pixels [begin, end), one per row.
template <class T>
void gather(const ConvShape& c, const T* images, int64_t begin, int64_t end, T* rows) {
  const int64_t width = c.kernel_width * c.channels;
  for (int64_t pixel = begin; pixel < end; ++pixel, rows += c.window()) {
    for_window_rows(
        c, pixel,
        [&](int64_t row, const Run& run, int64_t offset) {
          std::fill_n(rows + row, run.first * c.channels, T(0));
          std::copy_n(images + offset, (run.last - run.first) * c.channels, rows + row + run.first * c.channels);
          std::fill(rows + row + run.last * c.channels, rows + row + width, T(0));
        },
        [&](int64_t row) { std::fill_n(rows + row, width, T(0)); });
  }
}

/// The transpose of gather: adds each row back into its image.
template <class T>
void scatter(const ConvShape& c, const T* rows, int64_t begin, int64_t end, T* images) {
  for (int64_t pixel = begin; pixel < end; ++pixel, rows += c.window()) {
    for_window_rows(
        c, pixel,
        [&](int64_t row, const Run& run, int64_t offset) {
          const T* source = rows + row + run.first * c.channels;
          T* target = images + offset;
          for (int64_t i = 0; i < (run.last - run.first) * c.channels; ++i) target[i] += source[i];
        },
        [](int64_t) {});
  }
}

/// Whether at least half of the lanes of a vector over `n` neighbours would be used.
template <class T>
bool fills_vector(int64_t n) {
  return 2 * n >= lanes<T>;
}

struct GatheredRows {};
struct PartialFilters {};

}  // namespace

template <class T>
void conv2d(const ConvShape& c, const T* x, const T* filter, const Epilogue<T>& epilogue, T* y) {
  if (fills_vector<T>(c.filters)) return direct_conv2d(c, x, filter, epilogue, y);
  const int64_t block = block_pixels(c), total = c.pixels();
  for_pieces((total + block - 1) / block, work_of(c), [&](int64_t p) {
    const int64_t begin = p * block, end = std::min(total, begin + block);
    T* rows = scratch<T, GatheredRows>(block * c.window());
    const Tile<T> tile{y + begin * c.filters, end - begin, c.filters, c.filters, 0};
    const TileEpilogue<T> finish(epilogue, y, tile);
    gather(c, x, begin, end, rows);
    gemm_tile<T>(false, true, tile.rows, c.filters, c.window(), rows, c.window(), filter, c.window(), tile.first,
                 c.filters);
    finish.apply();
  });
}

template <class T>
void conv2d_input_grad(const ConvShape& c, const T* g, const T* filter, const Epilogue<T>& epilogue, T* x) {
  // Directly, one vector of channels would be loaded per multiply-add. Gathered, all taps of a pixel are one product of
  // many columns.
  if (c.channels > lanes<T>) return direct_conv2d_input_grad(c, g, filter, epilogue, x);
  const int64_t block = block_pixels(c);
  const int64_t images = std::max<int64_t>(1, block / std::max<int64_t>(places_of(c), 1));  // whole, as rows overlap
  for_pieces((c.batch + images - 1) / images, work_of(c), [&](int64_t p) {
    const int64_t first = p * images, last = std::min(c.batch, first + images);
    const TileEpilogue<T> finish(
        epilogue, x, {x + first * image_of(c), (last - first) * c.height * c.width, c.channels, c.channels, 0});
    std::fill(x + first * image_of(c), x + last * image_of(c), T(0));
    T* rows = scratch<T, GatheredRows>(block * c.window());
    for (int64_t begin = first * places_of(c); begin < last * places_of(c); begin += block) {
      const int64_t end = std::min(last * places_of(c), begin + block);
      gemm_tile<T>(false, false, end - begin, c.window(), c.filters, g + begin * c.filters, c.filters, filter,
                   c.window(), rows, c.window());
      scatter(c, rows, begin, end, x);
    }
    finish.apply();
  });
}

template <class T>
void conv2d_weight_grad(const ConvShape& c, const T* x, const T* g, T* filter) {
  if (fills_vector<T>(c.filters) && c.channels >= 8) return direct_conv2d_weight_grad(c, x, g, filter);
  if (fills_vector<T>(c.filters) && c.batch > 0) return few_channels_conv2d_weight_grad(c, x, g, filter);
  const int64_t size = c.filters * c.window();
  // Partial filters of chunks of pixels, added in order. Large filters get few chunks, to bound the memory they move.
  const int64_t groups = std::clamp<int64_t>((int64_t{1} << 21) / std::max<int64_t>(size, 1), 2, 16);
  const int64_t block = block_pixels(c), pixels = c.pixels(), chunk = (pixels + groups - 1) / groups;
  T* partial = scratch<T, PartialFilters>(groups * size);
  for_pieces(groups, work_of(c), [&](int64_t group) {
    T* sum = partial + group * size;
    std::fill_n(sum, size, T(0));
    T* rows = scratch<T, GatheredRows>(block * c.window());
    const int64_t last = std::min(pixels, (group + 1) * chunk);
    for (int64_t begin = group * chunk; begin < last; begin += block) {
      const int64_t end = std::min(last, begin + block);
      gather(c, x, begin, end, rows);
      gemm_tile<T>(true, false, c.filters, c.window(), end - begin, g + begin * c.filters, c.filters, rows, c.window(),
                   sum, c.window(), true);
    }
  });
  for_ranges(size, static_cast<double>(groups), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      T total = partial[i];
      for (int64_t group = 1; group < groups; ++group) total += partial[group * size + i];
      filter[i] = total;
    }
  });
}

template void conv2d<float>(const ConvShape&, const float*, const float*, const Epilogue<float>&, float*);
template void conv2d<double>(const ConvShape&, const double*, const double*, const Epilogue<double>&, double*);
template void conv2d_input_grad<float>(const ConvShape&, const float*, const float*, const Epilogue<float>&, float*);
template void conv2d_input_grad<double>(const ConvShape&, const double*, const double*, const Epilogue<double>&,
                                        double*);
template void conv2d_weight_grad<float>(const ConvShape&, const float*, const float*, float*);
template void conv2d_weight_grad<double>(const ConvShape&, const double*, const double*, double*);

}  // namespace kantor::cpu
