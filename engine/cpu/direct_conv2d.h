// Convolution straight from NHWC, without gathered windows and without the products that padding makes zero. For
// filters and channels enough to fill vectors; conv2d.h is the entrance.
#pragma once

#include "engine/cpu/gemm.h"
#include "kernels/conv2d.h"

namespace kantor::cpu {

/// For at least one vector's worth of filters.
template <class T>
void direct_conv2d(const ConvShape& shape, const T* x, const T* filter, Epilogue<T> epilogue, T* y);
/// For at least one vector's worth of channels.
template <class T>
void direct_conv2d_input_grad(const ConvShape& shape, const T* g, const T* filter, Epilogue<T> epilogue, T* x);
/// For at least one vector's worth of filters, and channels enough to make rows of.
template <class T>
void direct_conv2d_weight_grad(const ConvShape& shape, const T* x, const T* g, T* filter);

}  // namespace kantor::cpu
