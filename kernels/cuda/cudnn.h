// Convolutions by cuDNN: an alternative to kernels/conv2d.cu on `cuda`, and the peer that it is measured against.
// float32 only, NHWC, filters [O, kh, kw, C]: the engine's own layouts. Deterministic algorithms only.
#pragma once

#include "kernels/conv2d.h"

#include <cstddef>
#include <string>

namespace kantor::cuda {

/// Bytes of workspace that library_conv2d needs for this pass. Throws KernelError if cuDNN has no algorithm for it,
/// and for sizes that it cannot count: 2^31 elements and more.
size_t library_conv2d_workspace(ConvPass pass, const ConvShape& shape, bool tf32, Stream stream);

/// One pass. `image` is x or its gradient, `filter` the filter or its gradient, `output` y or its gradient; the pass's
/// own result among them is written, the other two are read. `tf32`: operands rounded to TF32, on tensor cores.
void library_conv2d(ConvPass pass, const ConvShape& shape, float* image, float* filter, float* output, void* workspace,
                    bool tf32, Stream stream);

/// The version of the headers that this build was compiled with, such as "9.13.0".
std::string cudnn_built_with();
/// Loads the library. Returns "" if it is there, otherwise the reason and what to install.
std::string why_no_cudnn();
/// The version of the loaded library. Throws KernelError if it cannot be loaded.
std::string cudnn_version();

}  // namespace kantor::cuda
