// NVIDIA's libraries behind ops on `cuda`: cuBLAS's products, cuDNN's convolutions, and the epilogue that they leave to
// do. In a build without them the functions return false.
#pragma once

#include "engine/libraries.h"
#include "engine/ops/pointwise_op.h"
#include "engine/target.h"
#include "kernels/cuda/cublas.h"
#include "kernels/cuda/cudnn.h"
#include "kernels/pointwise.h"

#include <type_traits>

namespace kantor {

#ifdef KANTOR_HAS_CUDA
/// c [rows, n] = f(c + bias), bias [n] or null.
template <class T>
void bias_activate_rows(const Target& target, int64_t rows, int64_t n, const T* bias, Activation activation, T* c) {
  if (bias != nullptr) {
    const BroadcastShape shape = broadcast_shape(Shape{rows, n}, Shape{n}, Shape{rows, n});
    cuda::binary(function::BiasActivate{activation}, c, bias, c, shape, rows * n, target.stream);
  } else if (activation.kind != Activation::Kind::identity) {
    cuda::unary(function::Activate{activation}, c, c, rows * n, target.stream);
  }
}
#endif

/// C [m, n] = f(op(A) op(B) + bias) by cuBLAS. Returns false, and does nothing, unless on `cuda`.
template <class T>
bool gemm_by_library([[maybe_unused]] const Target& target, [[maybe_unused]] bool ta, [[maybe_unused]] bool tb,
                     [[maybe_unused]] int64_t m, [[maybe_unused]] int64_t n, [[maybe_unused]] int64_t k,
                     [[maybe_unused]] const T* a, [[maybe_unused]] const T* b, [[maybe_unused]] const T* bias,
                     [[maybe_unused]] Activation activation, [[maybe_unused]] T* c) {
#ifdef KANTOR_HAS_CUDA
  if (target.backend == Backend::cuda) {
    cuda::library_gemm(ta, tb, m, n, k, a, b, c, libraries().tf32, target.stream);
    bias_activate_rows(target, m, n, bias, activation, c);
    return true;
  }
#endif
  return false;
}

/// The arrays of a convolution, the pass's result among them, and the epilogue on that.
template <class T>
struct ConvArrays {
  T *image, *filter, *output;
  const T* bias = nullptr;
  Activation activation = {};
};

/// One pass by cuDNN in float32. Returns false, and does nothing, where cuDNN is not used (see set_libraries).
template <class T>
bool convolve_by_library([[maybe_unused]] const Target& target, [[maybe_unused]] cuda::ConvPass pass,
                         [[maybe_unused]] const ConvShape& c, [[maybe_unused]] const ConvArrays<T>& arrays) {
#ifdef KANTOR_HAS_CUDNN
  if constexpr (std::is_same_v<T, float>) {
    const bool empty = c.pixels() * c.filters * c.batch * c.height * c.width * c.channels == 0;
    if (target.backend != Backend::cuda || !libraries().cudnn || empty) return false;
    const bool tf32 = libraries().tf32;
    const Temporary workspace(target,
                              static_cast<int64_t>(cuda::library_conv2d_workspace(pass, c, tf32, target.stream)));
    cuda::library_conv2d(pass, c, arrays.image, arrays.filter, arrays.output, workspace.as<void>(), tf32,
                         target.stream);
    if (pass == cuda::ConvPass::forward) {
      bias_activate_rows(target, c.pixels(), c.filters, arrays.bias, arrays.activation, arrays.output);
    } else if (pass == cuda::ConvPass::input_grad) {
      bias_activate_rows(target, c.batch * c.height * c.width, c.channels, arrays.bias, arrays.activation,
                         arrays.image);
    }
    return true;
  }
#endif
  return false;
}

}  // namespace kantor
