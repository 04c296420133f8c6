// Axes that stay neighbours are one. Then either both arrays have the same last axis, and runs of it are copied, or
// x's last axis and y's span planes whose transposes y holds.
//
// A plane is transposed in square tiles of whole vectors, in registers, because the lines of x and y are a stride
// apart: where it is a power of two, lines share a few sets of the cache, and one that is not used up at once is lost.
// Tiles are taken in blocks whose lines lie in few pages. Bytes: x once, y once.
#include "engine/cpu/transpose.h"

#include "engine/cpu/parallel.h"
#include "engine/cpu/vector.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace kantor::cpu {
namespace {

struct Axis {
  int64_t extent, source, target;  // and how far apart its elements are
};

/// The axes in y's order, without those of one element, and neighbours of both arrays as one.
std::vector<Axis> joined_axes(const Shape& shape, std::span<const int> order) {
  std::vector<Axis> axes;
  for (const int axis : order) {
    const Axis next{shape[axis], shape.size_from(axis + 1), 1};
    if (next.extent == 1) continue;
    if (!axes.empty() && axes.back().source == next.extent * next.source) {
      axes.back() = {axes.back().extent * next.extent, next.source, 1};
    } else {
      axes.push_back(next);
    }
  }
  for (size_t i = axes.size(); i-- > 1;) axes[i - 1].target = axes[i].target * axes[i].extent;
  return axes;
}

/// The lower or upper halves of two vectors, element by element in turn.
template <class T, size_t... i>
Vector<T> interleave(Vector<T> a, Vector<T> b, std::index_sequence<i...> /*lanes*/, bool upper) {
  constexpr int n = static_cast<int>(sizeof...(i));
  if (upper) return __builtin_shufflevector(a, b, (static_cast<int>(i) % 2 * n + (static_cast<int>(i) + n) / 2)...);
  return __builtin_shufflevector(a, b, (static_cast<int>(i) % 2 * n + static_cast<int>(i) / 2)...);
}

/// target[j][i] = source[i][j] for a vector of vectors. Interleaving the first half of the rows with the second one
/// moves the highest bit of the row into the lowest bit of the column, and the other bits up by one.
template <class T>
void transpose_tile(const T* source, int64_t source_stride, T* target, int64_t target_stride) {
  constexpr int64_t n = lanes<T>;
  constexpr auto all = std::make_index_sequence<static_cast<size_t>(n)>{};
  std::array<Vector<T>, static_cast<size_t>(n)> rows, next;
  for (size_t i = 0; i < n; ++i) rows[i] = load(source + static_cast<int64_t>(i) * source_stride);
  for (int64_t done = 1; done < n; done *= 2) {
    for (size_t i = 0; i < n / 2; ++i) {
      next[2 * i] = interleave<T>(rows[i], rows[i + n / 2], all, false);
      next[2 * i + 1] = interleave<T>(rows[i], rows[i + n / 2], all, true);
    }
    rows = next;
  }
  for (size_t i = 0; i < n; ++i) store(target + static_cast<int64_t>(i) * target_stride, rows[i]);
}

/// target[j][i] = source[i][j] for i in [0, rows), j in [0, columns). The last tiles overlap those before.
template <class T>
void transpose_block(const T* source, int64_t source_stride, int64_t rows, int64_t columns, T* target,
                     int64_t target_stride) {
  constexpr int64_t n = lanes<T>;
  if (rows < n || columns < n) {
    for (int64_t j = 0; j < columns; ++j) {
      for (int64_t i = 0; i < rows; ++i) target[j * target_stride + i] = source[i * source_stride + j];
    }
    return;
  }
  for (int64_t j = 0; j < columns; j += n) {
    for (int64_t i = 0; i < rows; i += n) {
      const int64_t row = std::min(i, rows - n), column = std::min(j, columns - n);
      transpose_tile(source + row * source_stride + column, source_stride, target + column * target_stride + row,
                     target_stride);
    }
  }
}

/// An axis cut into similar parts of at most `most` elements.
struct Parts {
  int64_t extent, count, length;
  Parts(int64_t of_axis, int64_t most)
      : extent(of_axis), count((of_axis + most - 1) / most), length((of_axis + count - 1) / count) {}
  [[nodiscard]] int64_t length_at(int64_t begin) const { return std::min(length, extent - begin); }
};

/// Where element `index` of these axes, counted in their order, lies in both arrays.
struct Offsets {
  int64_t source = 0, target = 0;
  Offsets(std::span<const Axis> axes, int64_t index) {
    for (size_t i = axes.size(); i-- > 0; index /= axes[i].extent) {
      source += index % axes[i].extent * axes[i].source;
      target += index % axes[i].extent * axes[i].target;
    }
  }
};

/// Calls fn(offsets) for each element of the axes; each stands for `size` elements.
template <class F>
void for_offsets(std::span<const Axis> axes, int64_t size, const F& fn) {
  int64_t count = 1;
  for (const Axis& axis : axes) count *= axis.extent;
  const int64_t group = std::max<int64_t>(1, piece_elements / size);
  for_pieces((count + group - 1) / group, static_cast<double>(count) * static_cast<double>(size), [&](int64_t p) {
    for (int64_t i = p * group; i < std::min(count, (p + 1) * group); ++i) fn(Offsets(axes, i));
  });
}

}  // namespace

template <class T>
void transpose(const T* x, const Shape& shape, std::span<const int> order, T* y) {
  if (shape.size() == 0) return;
  std::vector<Axis> axes = joined_axes(shape, order);
  if (axes.empty()) axes.push_back({1, 1, 1});
  const Axis last = axes.back();  // y's
  axes.pop_back();
  if (last.source == 1) {
    const Parts runs(last.extent, piece_elements);
    axes.push_back({runs.count, runs.length, runs.length});
    return for_offsets(axes, runs.length, [&](const Offsets& at) {
      std::copy_n(x + at.source, runs.length_at(at.target % last.extent), y + at.target);
    });
  }
  // A block of so few lines needs the addresses of few pages, and all lines of a band of y are written one after
  // another.
  constexpr int64_t most_rows = 64, most_columns = 128;
  const auto found = std::find_if(axes.begin(), axes.end(), [](const Axis& axis) { return axis.source == 1; });
  const Axis first = *found;  // x's last axis
  const Parts bands(first.extent, most_columns), blocks(last.extent, most_rows);
  *found = {bands.count, bands.length, bands.length * first.target};
  for_offsets(axes, bands.length * last.extent, [&](const Offsets& at) {
    const int64_t columns = bands.length_at(at.target / first.target % first.extent);
    for (int64_t i = 0; i < last.extent; i += blocks.length) {
      transpose_block(x + at.source + i * last.source, last.source, blocks.length_at(i), columns, y + at.target + i,
                      first.target);
    }
  });
}

template void transpose<float>(const float*, const Shape&, std::span<const int>, float*);
template void transpose<double>(const double*, const Shape&, std::span<const int>, double*);
template void transpose<int64_t>(const int64_t*, const Shape&, std::span<const int>, int64_t*);

}  // namespace kantor::cpu
