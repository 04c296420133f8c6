// Convolution on the CPU, NHWC: the window's pixels are gathered into rows (im2col) block by block, and each block is
// one matrix product on one thread. FLOPs of each of the three: 2 B H' W' O kh kw C.
#pragma once

#include <cstdint>

namespace kantor::cpu {

/// All the sizes of one convolution; `out_*` are those of its forward output.
struct ConvGeometry {
  int64_t batch, height, width, channels;
  int64_t out_height, out_width, filters;
  int64_t kernel_height, kernel_width;
  int64_t stride, padding;

  [[nodiscard]] int64_t window() const { return kernel_height * kernel_width * channels; }
  [[nodiscard]] int64_t image() const { return height * width * channels; }
  [[nodiscard]] int64_t pixels() const { return out_height * out_width; }
};

template <class T>
void conv2d(const ConvGeometry& geometry, const T* x, const T* filter, T* y);
template <class T>
void conv2d_input_grad(const ConvGeometry& geometry, const T* g, const T* filter, T* x);
template <class T>
void conv2d_weight_grad(const ConvGeometry& geometry, const T* x, const T* g, T* filter);

}  // namespace kantor::cpu
