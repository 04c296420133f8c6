// Broadcasting on the CPU: a function of two Eigen arrays over the loop that fits: same shape, one operand constant, a
// repeated row, a repeated column, else general strides.
#pragma once

#include "engine/cpu/parallel.h"
#include "engine/tensor.h"

#include <Eigen/Core>
#include <array>
#include <vector>

namespace kantor::cpu {

template <class T>
using Array = Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>>;

/// The loop of a broadcast, with axes merged where both operands allow it.
struct BroadcastLoop {
  std::vector<int64_t> extents, a_strides, b_strides;  // outermost first; stride 0 repeats

  BroadcastLoop(const Shape& a, const Shape& b, const Shape& out);
};

/// One run of `n` elements: strides 0 or 1 on each side.
template <class F, class T>
void binary_run(const F& f, const T* a, int64_t a_stride, const T* b, int64_t b_stride, T* y, int64_t n) {
  using Input = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>;
  Array<T> out(y, n);
  if (a_stride == 1 && b_stride == 1) {
    out = Input(a, n).binaryExpr(Input(b, n), f);
  } else if (a_stride == 1) {
    out = Input(a, n).unaryExpr([f, other = *b](T x) { return f(x, other); });
  } else if (b_stride == 1) {
    out = Input(b, n).unaryExpr([f, other = *a](T x) { return f(other, x); });
  } else {
    out = f(*a, *b);
  }
}

/// out = f(a, b) with broadcasting; `cost` of one f against a multiplication.
template <class F, class T>
void binary_broadcast(const F& f, double cost, const View& a, const View& b, const View& out) {
  const BroadcastLoop loop(a.shape, b.shape, out.shape);
  const size_t rank = loop.extents.size();
  if (out.size() == 0) return;
  const int64_t inner = loop.extents[rank - 1];
  const int64_t sa = loop.a_strides[rank - 1], sb = loop.b_strides[rank - 1];
  if (rank == 1) {
    for_ranges(inner, cost, [&](int64_t begin, int64_t end) {
      binary_run(f, a.as<T>() + begin * sa, sa, b.as<T>() + begin * sb, sb, out.as<T>() + begin, end - begin);
    });
    return;
  }
  const int64_t rows = out.size() / inner;
  const int64_t rows_per_piece = std::max<int64_t>(1, piece_elements / std::max<int64_t>(inner, 1));
  const int64_t pieces = (rows + rows_per_piece - 1) / rows_per_piece;
  for_pieces(pieces, static_cast<double>(out.size()) * cost, [&](int64_t p) {
    for (int64_t row = p * rows_per_piece; row < std::min(rows, (p + 1) * rows_per_piece); ++row) {
      int64_t rest = row, ia = 0, ib = 0;
      for (size_t axis = rank - 1; axis-- > 0;) {
        const int64_t i = rest % loop.extents[axis];
        rest /= loop.extents[axis];
        ia += i * loop.a_strides[axis];
        ib += i * loop.b_strides[axis];
      }
      binary_run(f, a.as<T>() + ia, sa, b.as<T>() + ib, sb, out.as<T>() + row * inner, inner);
    }
  });
}

}  // namespace kantor::cpu
