// Convolutions by oneDNN on the CPU, and by cuDNN on a GPU, to stand beside the engine's own.
#pragma once

#include "engine/tensor.h"
#include "kernels/products/products.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace kantor {

/// A pass of a convolution by a library. `step` prepares it for the arrays, as the pass's op takes and gives them, and
/// gives what runs it.
struct LibraryConv {
  std::string name;
  std::function<std::function<void()>(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs)> step;
};

/// nullopt where the device has no such library, or it has nothing for this pass. oneDNN runs on the program's threads,
/// takes images and outputs as the engine lays them out (NHWC), and filters in the order that it likes best: they are
/// put into that before the timing, and a filter's gradient is put back in it.
std::optional<LibraryConv> library_conv(const ConvCall& call, Device device);

}  // namespace kantor
