// TensorFile, apart from its format: checkpoints in memory need no more.
#include "models/files/bytes.h"
#include "models/files/safetensors.h"
#include "models/files/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kantor {

const Tensor& TensorFile::at(const std::string& name) const {
  for (const auto& [key, tensor] : tensors) {
    if (key == name) return tensor;
  }
  const std::string from = source.empty() ? "tensors" : source;
  for (const Entry& entry : entries) {
    if (entry.name == name) {
      refuse(from,
             "tensor {} is {} of shape [{}], expected floating-point numbers or integers of at most 63 bits, and at "
             "most {} axes",
             quote(name), entry.dtype, fmt::join(entry.shape, ", "), Shape::max_rank);
    }
  }
  refuse(from, "there is no tensor {} among the {}", quote(name), tensors.size());
}

}  // namespace kantor
