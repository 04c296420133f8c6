// Layouts and names of parameters: in files, where they are PyTorch's, and inside the engine.
#pragma once

#include "engine/tensor.h"

#include <cstdint>
#include <string>

namespace kantor {

/// How the layout of a tensor differs between files (PyTorch's order) and the engine (NHWC).
enum class Layout : uint8_t {
  plain,         // the same
  filter,        // [O, C, kh, kw] in files, [O, kh, kw, C] inside; for transposed convolutions O is the input side
  channels_last  // [C, H, W] in files, [H, W, C] inside
};

/// Converts a parameter from the engine's layout to that of files, and back; Layout::plain shares the memory.
Tensor to_file_layout(const Tensor& x, Layout layout);
Tensor to_engine_layout(const Tensor& x, Layout layout);
/// The shape in files of an engine's shape, and back.
Shape file_shape(const Shape& shape, Layout layout);
Shape engine_shape(const Shape& file, Layout layout);

/// PyTorch's name for what checkpoints before version 2 and the golden cases call "<layer>.gamma", "<layer>.beta" and
/// "<layer>.running_variance"; other names pass unchanged.
std::string pytorch_name(const std::string& name);

/// PyTorch's [B, C, H, W] to the engine's [B, H, W, C], and back; other ranks pass unchanged.
Tensor to_channels_last(const Tensor& x);
Tensor to_channels_first(const Tensor& x);

}  // namespace kantor
