// Arrays with their axes in another order.
#pragma once

#include "engine/shape.h"

#include <span>

namespace kantor::cpu {

/// y = x, of this shape, with its axes in this order. T is float, double or int64_t.
template <class T>
void transpose(const T* x, const Shape& shape, std::span<const int> order, T* y);

}  // namespace kantor::cpu
