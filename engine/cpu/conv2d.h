// Convolution on the CPU, NHWC: direct (direct_conv2d.h) where filters or channels fill vectors; else the windows of
// pixels are gathered into rows (im2col) block by block, and each block is one matrix product on one thread. FLOPs of
// each of the three: at most 2 B H' W' O kh kw C; the direct ones leave out the products with padding.
#pragma once

#include "engine/cpu/gemm.h"
#include "kernels/conv2d.h"

namespace kantor::cpu {

template <class T>
void conv2d(const ConvShape& shape, const T* x, const T* filter, const Epilogue<T>& epilogue, T* y);
template <class T>
void conv2d_input_grad(const ConvShape& shape, const T* g, const T* filter, const Epilogue<T>& epilogue, T* x);
template <class T>
void conv2d_weight_grad(const ConvShape& shape, const T* x, const T* g, T* filter);

}  // namespace kantor::cpu
