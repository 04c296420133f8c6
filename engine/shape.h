// Shape: the extents of a tensor, at most six, stored in place so that no shape allocates.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

namespace kantor {

/// The extents of a tensor's axes, at most six; no axis is a single number.
class Shape {
 public:
  static constexpr int max_rank = 6;

  Shape() = default;
  Shape(std::initializer_list<int64_t> extents) : Shape(std::span<const int64_t>(extents.begin(), extents.size())) {}
  /// Throws ShapeError for a negative extent, a rank above max_rank, or a size beyond 2^62 elements.
  explicit Shape(std::span<const int64_t> extents);

  [[nodiscard]] int rank() const { return rank_; }
  /// Number of elements; 1 for rank 0.
  [[nodiscard]] int64_t size() const { return size_; }
  /// Extent of an axis; negative axes count from the end. Throws ShapeError outside the rank.
  [[nodiscard]] int64_t operator[](int axis) const { return extents_[static_cast<size_t>(normalize_axis(axis))]; }
  /// Axis in [0, rank). Throws ShapeError outside [-rank, rank).
  [[nodiscard]] int normalize_axis(int axis) const;
  /// Elements from `axis` on: the size of what one index before it spans.
  [[nodiscard]] int64_t size_from(int axis) const;
  /// This shape with one axis replaced.
  [[nodiscard]] Shape with(int axis, int64_t extent) const;

  [[nodiscard]] const int64_t* begin() const { return extents_.data(); }
  [[nodiscard]] const int64_t* end() const { return extents_.data() + rank_; }
  [[nodiscard]] std::vector<int64_t> to_vector() const { return {begin(), end()}; }
  friend bool operator==(const Shape& a, const Shape& b) {
    return std::span(a.begin(), a.end()).size() == std::span(b.begin(), b.end()).size() &&
           std::equal(a.begin(), a.end(), b.begin());
  }

 private:
  std::array<int64_t, max_rank> extents_{};
  int rank_ = 0;
  int64_t size_ = 1;
};

/// "[2, 3]"; "[]" for rank 0.
std::string to_string(const Shape& shape);

/// The common shape of a broadcast, aligned at the last axis. Throws ShapeError naming both shapes.
Shape broadcast(const Shape& a, const Shape& b);

}  // namespace kantor
