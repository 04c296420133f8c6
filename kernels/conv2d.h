// Launchers of convolution, NHWC: the three partials of one trilinear form in (input, filter, output gradient).
#pragma once

#include "kernels/epilogue.h"
#include "kernels/launcher.h"

namespace kantor {

/// All the sizes of one convolution; out_* are those of its forward output. Filters are [filters, kernel_height,
/// kernel_width, channels].
struct ConvShape {
  int64_t batch, height, width, channels;
  int64_t out_height, out_width, filters;
  int64_t kernel_height, kernel_width;
  int64_t stride, padding;

  KANTOR_FUNCTION int64_t window() const { return kernel_height * kernel_width * channels; }
  KANTOR_FUNCTION int64_t pixels() const { return batch * out_height * out_width; }
};

/// The three partials of <output gradient, convolution(image, filter)>.
enum class ConvPass : uint8_t { forward, input_grad, weight_grad };

/// 2 pixels filters window FLOPs; each of the three arrays moves once.
inline Cost conv2d_cost(const ConvShape& c, int64_t element) {
  const int64_t elements = c.batch * c.height * c.width * c.channels + c.filters * c.window() + c.pixels() * c.filters;
  return {elements * element, 2 * c.pixels() * c.filters * c.window()};
}

/// The weight gradient sums over all pixels. The sum is cut into this many chunks, which are added in order (split-K).
inline int64_t weight_grad_splits(const ConvShape& c) {
  constexpr int64_t enough_blocks = 256, least_pixels = 256;
  const int64_t blocks = ((c.filters + 63) / 64) * ((c.window() + 63) / 64);
  const int64_t wanted = (enough_blocks + blocks - 1) / blocks, most = (c.pixels() + least_pixels - 1) / least_pixels;
  return wanted < most ? wanted : most < 1 ? 1 : most;
}
/// Elements of T that conv2d_weight_grad needs for its partial sums.
inline int64_t weight_grad_workspace(const ConvShape& c) {
  return weight_grad_splits(c) == 1 ? 0 : weight_grad_splits(c) * c.filters * c.window();
}

// T is float or double.
KANTOR_LAUNCHERS(
    /// y [batch, out_height, out_width, filters] = epilogue(x * filter), whose channels are the filters.
    template <class T>
    void conv2d(const ConvShape& shape, const T* x, const T* filter, const Epilogue<T>& epilogue, T* y, Stream stream);
    /// x [batch, height, width, channels] = epilogue(d <g, conv2d(x, filter)> / dx), the transposed convolution of g.
    template <class T> void conv2d_input_grad(const ConvShape& shape, const T* g, const T* filter,
                                              const Epilogue<T>& epilogue, T* x, Stream stream);
    /// filter = d <g, conv2d(x, filter)> / dfilter. `workspace`: weight_grad_workspace elements.
    template <class T>
    void conv2d_weight_grad(const ConvShape& shape, const T* x, const T* g, T* filter, T* workspace, Stream stream);)

}  // namespace kantor
