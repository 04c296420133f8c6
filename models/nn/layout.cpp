// Layouts and names of files against those of the engine (declared in network.h).
#include "engine/op.h"
#include "models/nn/network.h"

#include <string_view>
#include <utility>

namespace kantor {
namespace {

std::vector<int> image_order(bool to_last) {
  return to_last ? std::vector<int>{0, 2, 3, 1} : std::vector<int>{0, 3, 1, 2};
}

}  // namespace

Tensor to_file_layout(const Tensor& x, Layout layout) {
  const RecordingScope off(false);
  if (layout == Layout::plain) return x.detach();
  return transpose(x, layout == Layout::filter ? image_order(false) : std::vector<int>{2, 0, 1});
}
Tensor to_engine_layout(const Tensor& x, Layout layout) {
  const RecordingScope off(false);
  if (layout == Layout::plain) return x.detach();
  return transpose(x, layout == Layout::filter ? image_order(true) : std::vector<int>{1, 2, 0});
}
Shape file_shape(const Shape& shape, Layout layout) {
  switch (layout) {
    case Layout::filter:
      return {shape[0], shape[3], shape[1], shape[2]};
    case Layout::channels_last:
      return {shape[2], shape[0], shape[1]};
    case Layout::plain:
      return shape;
  }
  return shape;
}

std::string pytorch_name(const std::string& name) {
  static constexpr std::pair<std::string_view, std::string_view> renamed[] = {
      {".gamma", ".weight"}, {".beta", ".bias"}, {".running_variance", ".running_var"}};
  for (const auto& [old, now] : renamed) {
    if (name.ends_with(old)) return name.substr(0, name.size() - old.size()).append(now);
  }
  return name;
}

Tensor to_channels_last(const Tensor& x) {
  return x.rank() == 4 ? transpose(x, image_order(true)) : x;
}
Tensor to_channels_first(const Tensor& x) {
  return x.rank() == 4 ? transpose(x, image_order(false)) : x;
}

}  // namespace kantor
