// The loop of a broadcast: strides of both operands, neighbouring axes merged where both allow it.
#include "engine/cpu/pointwise.h"

namespace kantor::cpu {

BroadcastLoop::BroadcastLoop(const Shape& a, const Shape& b, const Shape& out) {
  const auto strides_of = [&](const Shape& shape) {
    std::vector<int64_t> strides(static_cast<size_t>(out.rank()));
    int64_t stride = 1;
    for (int i = 1; i <= shape.rank(); ++i) {
      strides[static_cast<size_t>(out.rank() - i)] = shape[-i] == 1 ? 0 : stride;
      stride *= shape[-i];
    }
    return strides;
  };
  const std::vector<int64_t> sa = strides_of(a), sb = strides_of(b);
  for (size_t axis = 0; axis < sa.size(); ++axis) {
    const int64_t extent = out[static_cast<int>(axis)];
    if (extent == 1) continue;
    const bool merges =
        !extents.empty() && a_strides.back() == sa[axis] * extent && b_strides.back() == sb[axis] * extent;
    if (merges) {
      extents.back() *= extent;
      a_strides.back() = sa[axis];
      b_strides.back() = sb[axis];
    } else {
      extents.push_back(extent);
      a_strides.push_back(sa[axis]);
      b_strides.push_back(sb[axis]);
    }
  }
  // The innermost stride is 0 or 1 on each side: all axes behind it had extent 1.
  if (extents.empty()) {
    extents.push_back(1);
    a_strides.push_back(0);
    b_strides.push_back(0);
  }
}

}  // namespace kantor::cpu
