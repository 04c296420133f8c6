// Launchers of convolutions from and to pictures of 1 to 4 channels. conv2d and conv2d_input_grad choose them by shape.
#pragma once

#include "kernels/conv2d.h"

namespace kantor {

/// Whether these kernels accept the shape, with elements of that many bytes: 1 to 4 channels, and windows that fit
/// into the shared memory that every GPU has.
inline bool few_channels(const ConvShape& c, int64_t element) {
  constexpr int64_t most_channels = 4, most_bytes = 48 * 1024, widest_row = 2 * 68;
  return c.channels <= most_channels && c.window() * widest_row * element <= most_bytes;
}

// Like conv2d and conv2d_input_grad of kernels/conv2d.h, for shapes that few_channels accepts.
KANTOR_LAUNCHERS(template <class T> void conv2d_few_channels(const ConvShape& shape, const T* x, const T* filter,
                                                             const Epilogue<T>& epilogue, T* y, Stream stream);
                 template <class T>
                 void conv2d_input_grad_few_channels(const ConvShape& shape, const T* g, const T* filter,
                                                     const Epilogue<T>& epilogue, T* x, Stream stream);)

}  // namespace kantor
