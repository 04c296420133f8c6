#include "engine/arena.h"

namespace kantor {
namespace {

constexpr int64_t row_alignment = 16;  // elements: 64 bytes of float32

}  // namespace

Arena::Arena(const std::vector<std::pair<std::string, Shape>>& tensors, TensorOptions options) {
  int64_t size = 0;
  for (const auto& [name, shape] : tensors) {
    rows_.push_back({name, shape, size});
    size += (shape.size() + row_alignment - 1) / row_alignment * row_alignment;
  }
  flat_ = zeros({size}, options);
  for (const ArenaRow& row : rows_) tensors_.push_back(flat_.narrow(row.offset, row.shape));
}

int64_t Arena::parameter_count() const {
  int64_t count = 0;
  for (const ArenaRow& row : rows_) count += row.shape.size();
  return count;
}

int Arena::find(const std::string& name) const {
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (rows_[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

Arena Arena::like() const {
  std::vector<std::pair<std::string, Shape>> tensors;
  for (const ArenaRow& row : rows_) tensors.emplace_back(row.name, row.shape);
  return {tensors, {flat_.dtype(), flat_.device()}};
}

}  // namespace kantor
