// Tensors as text.
#include "engine/tensor.h"

#include <cstdio>
#include <fmt/format.h>

namespace kantor {
namespace {

class Printer {
 public:
  Printer(const Tensor& tensor, int64_t most)
      : values_(tensor.to_vector<double>()), shape_(tensor.shape()), most_(most < 2 ? 2 : most) {}

  std::string text() {
    append(0, 0, shape_.size());
    return std::move(text_);
  }

 private:
  /// The part of `size` values from `begin` on, along `axis` and those behind it.
  void append(int axis, int64_t begin, int64_t size) {
    if (axis == shape_.rank()) {
      text_ += fmt::format("{:.6g}", values_[static_cast<size_t>(begin)]);
      return;
    }
    const int64_t extent = shape_[axis], inner = extent == 0 ? 0 : size / extent;
    const bool last = axis + 1 == shape_.rank();
    text_ += '[';
    for (int64_t i = 0; i < extent; ++i) {
      if (i > 0) text_ += last ? ", " : ",\n" + std::string(static_cast<size_t>(axis) + 1, ' ');
      if (extent > most_ && i == most_ / 2) {
        text_ += "...";
        i = extent - (most_ - most_ / 2) - 1;
        continue;
      }
      append(axis + 1, begin + i * inner, inner);
    }
    text_ += ']';
  }

  std::vector<double> values_;
  Shape shape_;
  int64_t most_;
  std::string text_;
};

}  // namespace

std::string format_values(const Tensor& tensor, int64_t most) {
  return Printer(tensor, most).text();
}

void Tensor::print(int64_t most) const {
  const std::string text = format_values(*this, most);
  std::printf("%s\n%s\n", describe(*this).c_str(), text.c_str());
}

}  // namespace kantor
