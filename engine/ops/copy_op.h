// Moving elements on a device that runs kernels, for the ops that only move them.
#pragma once

#include "engine/target.h"
#include "engine/tensor.h"
#include "kernels/copy.h"

namespace kantor {

/// Copies x to y between strided places, each offset by elements.
inline void launch_copy(const Target& target, const View& x, const View& y, const CopyShape& shape,
                        int64_t x_offset = 0, int64_t y_offset = 0) {
  int64_t size = 1;
  for (int axis = 0; axis < shape.rank; ++axis) size *= shape.extents[axis];
  const auto go = [&](auto zero) {
    using T = decltype(zero);
    KANTOR_ON(target.backend, strided_copy(x.as<T>() + x_offset, y.as<T>() + y_offset, shape, size, target.stream));
  };
  if (y.dtype == DType::int64) return go(int64_t{});
  visit_floating(y.dtype, go);
}

/// `count` runs of `run` elements, a stride apart on either side.
inline CopyShape copy_of_runs(int64_t source_stride, int64_t target_stride, int64_t run, int64_t count) {
  return {2, {count, run}, {source_stride, 1}, {target_stride, 1}};
}

}  // namespace kantor
