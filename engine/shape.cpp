#include "engine/shape.h"

#include "engine/error.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kantor {

Shape::Shape(std::span<const int64_t> extents) {
  if (extents.size() > max_rank) {
    throw ShapeError(fmt::format("a shape of rank {}; at most {} axes are possible", extents.size(), max_rank));
  }
  constexpr int64_t limit = int64_t{1} << 62;
  rank_ = static_cast<int>(extents.size());
  std::copy(extents.begin(), extents.end(), extents_.begin());
  bool empty = false;
  for (const int64_t extent : extents) {
    if (extent < 0) throw ShapeError(fmt::format("shape {} has a negative extent", to_string(*this)));
    empty = empty || extent == 0;
  }
  for (const int64_t extent : extents) {
    if (!empty && size_ > limit / extent) {
      throw ShapeError(fmt::format("shape {} has more than 2^62 elements", to_string(*this)));
    }
    size_ = empty ? 0 : size_ * extent;
  }
}

int Shape::normalize_axis(int axis) const {
  if (axis < -rank_ || axis >= rank_) {
    throw ShapeError(fmt::format("axis {} of shape {}, which has rank {}", axis, to_string(*this), rank_));
  }
  return axis < 0 ? axis + rank_ : axis;
}

int64_t Shape::size_from(int axis) const {
  int64_t size = 1;
  for (int i = axis; i < rank_; ++i) size *= extents_[static_cast<size_t>(i)];
  return size;
}

Shape Shape::with(int axis, int64_t extent) const {
  std::vector<int64_t> extents = to_vector();
  extents[static_cast<size_t>(normalize_axis(axis))] = extent;
  return Shape(extents);
}

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ", "));
}

Shape broadcast(const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  std::vector<int64_t> extents(static_cast<size_t>(rank));
  for (int i = 1; i <= rank; ++i) {
    const int64_t m = i <= a.rank() ? a[-i] : 1;
    const int64_t n = i <= b.rank() ? b[-i] : 1;
    if (m != n && m != 1 && n != 1) {
      throw ShapeError(fmt::format("shapes {} and {} do not broadcast: axis -{} is {} against {}", to_string(a),
                                   to_string(b), i, m, n));
    }
    extents[static_cast<size_t>(rank - i)] = m == 1 ? n : m;
  }
  return Shape(extents);
}

}  // namespace kantor
