#include "models/nn/layout.h"

#include "engine/grad_mode.h"
#include "engine/ops.h"

#include <string_view>
#include <utility>
#include <vector>

namespace kantor {
namespace {

std::vector<int> image_order(bool to_last) {
  return to_last ? std::vector<int>{0, 2, 3, 1} : std::vector<int>{0, 3, 1, 2};
}

}  // namespace

Tensor to_file_layout(const Tensor& x, Layout layout) {
  const NoGrad no_grad;
  if (layout == Layout::plain) return x.detach();
  return transpose(x, layout == Layout::filter ? image_order(false) : std::vector<int>{2, 0, 1});
}
Tensor to_engine_layout(const Tensor& x, Layout layout) {
  const NoGrad no_grad;
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

Shape engine_shape(const Shape& file, Layout layout) {
  switch (layout) {
    case Layout::filter:
      return {file[0], file[2], file[3], file[1]};
    case Layout::channels_last:
      return {file[1], file[2], file[0]};
    case Layout::plain:
      return file;
  }
  return file;
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
