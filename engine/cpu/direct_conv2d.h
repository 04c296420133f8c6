// Convolution straight from NHWC, without gathered windows and without the products that padding makes zero. For
// enough filters and channels to fill vectors; callers use conv2d.h.
#pragma once

#include "engine/cpu/gemm.h"
#include "kernels/conv2d.h"

namespace kantor::cpu {

/// Elementary operations of one convolution, as for_pieces counts them: a vector multiplies 8 pairs at once.
inline double work_of(const ConvShape& c) {
  return static_cast<double>(c.pixels()) * static_cast<double>(c.filters * c.window()) / 8;
}

/// Correct whenever there is a filter; fast if the last axis of the result, or of g, fills vectors.
template <class T>
void direct_conv2d(const ConvShape& shape, const T* x, const T* filter, const Epilogue<T>& epilogue, T* y);
template <class T>
void direct_conv2d_input_grad(const ConvShape& shape, const T* g, const T* filter, const Epilogue<T>& epilogue, T* x);
template <class T>
void direct_conv2d_weight_grad(const ConvShape& shape, const T* x, const T* g, T* filter);
/// The same, fast for few channels; the batch is not empty.
template <class T>
void few_channels_conv2d_weight_grad(const ConvShape& shape, const T* x, const T* g, T* filter);

}  // namespace kantor::cpu
