// NVIDIA's libraries behind ops on `cuda`: cuBLAS's products, cuDNN's convolutions, and the epilogue that they leave to
// do. In a build without them the functions return false.
#pragma once

#include "engine/ops/pointwise_op.h"
#include "engine/products.h"
#include "engine/target.h"
#include "kernels/cuda/cublas.h"
#include "kernels/cuda/cudnn.h"
#include "kernels/epilogue.h"
#include "kernels/pointwise.h"

#include <optional>
#include <type_traits>

namespace kantor {

#ifdef KANTOR_HAS_CUDA
/// Where a library writes a product [rows, n] that an epilogue follows, and that epilogue. It needs memory of its own
/// where the product would overwrite what the epilogue reads.
template <class T>
class LibraryEpilogue {
 public:
  LibraryEpilogue(const Target& target, const Epilogue<T>& epilogue, int64_t rows, int64_t n, T* result)
      : target_(target), epilogue_(epilogue), rows_(rows), n_(n), result_(result) {
    if (epilogue.output == result) apart_.emplace(target, rows * n * static_cast<int64_t>(sizeof(T)));
  }
  [[nodiscard]] T* product() const { return apart_ ? apart_->template as<T>() : result_; }
  void apply() const {
    const Shape whole{rows_, n_};
    if (epilogue_.output != nullptr) {
      cuda::binary(function::ActivationGrad{epilogue_.activation}, product(), epilogue_.output, result_,
                   broadcast_shape(whole, whole, whole), rows_ * n_, target_.stream);
    } else if (epilogue_.bias != nullptr) {
      cuda::binary(function::BiasActivate{epilogue_.activation}, result_, epilogue_.bias, result_,
                   broadcast_shape(whole, Shape{n_}, whole), rows_ * n_, target_.stream);
    } else if (epilogue_.activation.kind != Activation::Kind::identity) {
      cuda::unary(function::Activate{epilogue_.activation}, result_, result_, rows_ * n_, target_.stream);
    }
  }

 private:
  const Target& target_;
  const Epilogue<T>& epilogue_;
  int64_t rows_, n_;
  T* result_;
  std::optional<Temporary> apart_;
};
#endif

/// C [m, n] = epilogue(op(A) op(B)) by cuBLAS. Returns false, and does nothing, unless on `cuda`.
template <class T>
bool gemm_by_library([[maybe_unused]] const Target& target, [[maybe_unused]] bool ta, [[maybe_unused]] bool tb,
                     [[maybe_unused]] int64_t m, [[maybe_unused]] int64_t n, [[maybe_unused]] int64_t k,
                     [[maybe_unused]] const T* a, [[maybe_unused]] const T* b,
                     [[maybe_unused]] const Epilogue<T>& epilogue, [[maybe_unused]] T* c) {
#ifdef KANTOR_HAS_CUDA
  if (target.backend == Backend::cuda) {
    const LibraryEpilogue<T> finish(target, epilogue, m, n, c);
    cuda::library_gemm(ta, tb, m, n, k, a, b, finish.product(), product_route(target.device).library_tf32,
                       target.stream);
    finish.apply();
    return true;
  }
#endif
  return false;
}

/// The arrays of a convolution, the pass's result among them, and the epilogue on that.
template <class T>
struct ConvArrays {
  T *image, *filter, *output;
  Epilogue<T> epilogue = {};
};

/// One pass by cuDNN in float32. Returns false, and does nothing, where cuDNN is not used (see set_products).
template <class T>
bool convolve_by_library([[maybe_unused]] const Target& target, [[maybe_unused]] ConvPass pass,
                         [[maybe_unused]] const ConvShape& c, [[maybe_unused]] const ConvArrays<T>& arrays) {
#ifdef KANTOR_HAS_CUDNN
  if constexpr (std::is_same_v<T, float>) {
    const bool empty = c.pixels() * c.filters * c.batch * c.height * c.width * c.channels == 0;
    if (target.backend != Backend::cuda || !products().cudnn || empty) return false;
    const bool tf32 = product_route(target.device).library_tf32;
    const bool forward = pass == ConvPass::forward;
    const int64_t rows = forward ? c.pixels() : c.batch * c.height * c.width;
    const LibraryEpilogue<T> finish(target, arrays.epilogue, rows, forward ? c.filters : c.channels,
                                    forward ? arrays.output : arrays.image);
    const Temporary workspace(target,
                              static_cast<int64_t>(cuda::library_conv2d_workspace(pass, c, tf32, target.stream)));
    cuda::library_conv2d(pass, c, pass == ConvPass::input_grad ? finish.product() : arrays.image, arrays.filter,
                         forward ? finish.product() : arrays.output, workspace.as<void>(), tf32, target.stream);
    if (pass != ConvPass::weight_grad) finish.apply();
    return true;
  }
#endif
  return false;
}

}  // namespace kantor
