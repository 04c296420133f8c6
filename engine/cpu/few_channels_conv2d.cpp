// The filter's gradient for images of few channels, which alone would not be rows enough for a product: the elements of
// a window are. Row (ky, kx, channel) of the filter's gradient is the sum over the output pixels of that element of
// their windows, times the pixel's gradients, which are a row of a panel. So that every window is whole, the images are
// copied with their padding, some at a time. Each chunk of images gives a partial filter, and these are added in order.
//
// FLOPs: 2 O C kernel height kernel width for each output pixel, padding included.
#include "engine/cpu/direct_conv2d.h"
#include "engine/cpu/panel.h"
#include "engine/cpu/parallel.h"
#include "engine/cpu/scratch.h"

#include <algorithm>
#include <cstdint>

namespace kantor::cpu {
namespace {

struct PaddedImages {};
struct PixelRows {};
struct PartialFilters {};

/// An image with as much padding as its windows reach: all of it, and no column or row that they leave out.
struct Padded {
  int64_t height, width, channels;

  explicit Padded(const ConvShape& c)
      : height((c.out_height - 1) * c.stride + c.kernel_height),
        width((c.out_width - 1) * c.stride + c.kernel_width),
        channels(c.channels) {}
  [[nodiscard]] int64_t size() const { return height * width * channels; }
  [[nodiscard]] int64_t at(int64_t y, int64_t x) const { return (y * width + x) * channels; }

  template <class T>
  void copy(const ConvShape& c, const T* image, T* padded) const {
    std::fill_n(padded, size(), T(0));
    const int64_t columns = std::max<int64_t>(0, std::min(c.width, width - c.padding));
    for (int64_t y = 0; y < std::min(c.height, height - c.padding); ++y) {
      std::copy_n(image + y * c.width * channels, columns * channels, padded + at(y + c.padding, c.padding));
    }
  }
};

}  // namespace

template <class T>
void few_channels_conv2d_weight_grad(const ConvShape& c, const T* x, const T* g, T* filter) {
  const Padded padded(c);
  const Panels<T> panels(c.window(), c.filters);
  const int64_t stride = panels.vectors() * lanes<T>;  // of a pixel's gradients, in whole vectors
  const int64_t pixels = c.out_height * c.out_width, window = c.window(), size = window * stride;
  const int64_t image = c.height * c.width * c.channels;
  // Large filters get few chunks, to bound the memory that they move.
  const int64_t most = std::clamp<int64_t>((int64_t{1} << 21) / size, 2, 16);
  const int64_t images = (c.batch + most - 1) / most, chunks = (c.batch + images - 1) / images;
  T* const partial = scratch<T, PartialFilters>(chunks * size);
  for_pieces(chunks, work_of(c), [&](int64_t chunk) {
    const int64_t first = chunk * images, count = std::min(images, c.batch - first);
    T* const whole = scratch<T, PaddedImages>(count * padded.size());
    for (int64_t i = 0; i < count; ++i) padded.copy(c, x + (first + i) * image, whole + i * padded.size());
    const T* gradients = g + first * pixels * c.filters;
    if (stride != c.filters) {
      T* const rows = scratch<T, PixelRows>(count * pixels * stride);
      std::fill_n(rows, count * pixels * stride, T(0));
      for (int64_t i = 0; i < count * pixels; ++i) std::copy_n(gradients + i * c.filters, c.filters, rows + i * stride);
      gradients = rows;
    }
    T* const sums = partial + chunk * size;
    std::fill_n(sums, size, T(0));
    for (int64_t panel = 0; panel < panels.count; ++panel) {
      auto& product = PanelProduct<T>::of_thread();
      for (int64_t ky = 0; ky < c.kernel_height; ++ky) {
        for (int64_t k = 0; k < c.kernel_width * c.channels; ++k) {
          product.add_row(whole + padded.at(ky, 0) + k,
                          sums + (ky * c.kernel_width * c.channels + k) * stride + panels.first(panel));
        }
      }
      for (int64_t i = 0; i < count; ++i) {
        for (int64_t p = 0; p < pixels; ++p) {
          product.add_term({i * padded.size() + padded.at(p / c.out_width * c.stride, p % c.out_width * c.stride),
                            (i * pixels + p) * stride});
        }
      }
      const int64_t width = panels.width(panel);
      product.run(gradients + panels.first(panel), width, width, true);
    }
  });
  for_pieces(c.filters, static_cast<double>(chunks * size), [&](int64_t o) {
    for (int64_t row = 0; row < window; ++row) {
      T total = partial[row * stride + o];
      for (int64_t chunk = 1; chunk < chunks; ++chunk) total += partial[chunk * size + row * stride + o];
      filter[o * window + row] = total;
    }
  });
}

template void few_channels_conv2d_weight_grad<float>(const ConvShape&, const float*, const float*, float*);
template void few_channels_conv2d_weight_grad<double>(const ConvShape&, const double*, const double*, double*);

}  // namespace kantor::cpu
