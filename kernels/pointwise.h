// Launchers of pointwise kernels: a function object over one operand, or over two with broadcasting.
#pragma once

#include "kernels/function.h"
#include "kernels/launcher.h"

namespace kantor {

/// Element i of the output reads each operand at sum over axes of index * stride; stride 0 repeats. Neighbouring axes
/// are merged where both operands allow it; outermost first.
struct BroadcastShape {
  static constexpr int max_rank = 8;
  int rank = 0;
  int64_t extents[max_rank] = {};
  int64_t a_strides[max_rank] = {}, b_strides[max_rank] = {};
};

/// Bytes and FLOPs (one a function) of `size` outputs of `operands` operands.
inline Cost pointwise_cost(int64_t size, int operands, int64_t element) {
  return {size * element * (operands + 1), size};
}

// T is float or double; fill takes int64_t too.
KANTOR_LAUNCHERS(
    /// y[i] = f(x[i]); F of kernels/function.h that takes one element.
    template <class F, class T> void unary(F f, const T* x, T* y, int64_t size, Stream stream);
    /// y[i] = f(a[..], b[..]); F that takes two. `size` outputs.
    template <class F, class T>
    void binary(F f, const T* a, const T* b, T* y, const BroadcastShape& shape, int64_t size, Stream stream);
    /// y[i] = decay y[i] + weight x[i], for running averages.
    template <class T> void blend(const T* x, T* y, double decay, double weight, int64_t size, Stream stream);
    template <class T> void fill(T* y, T value, int64_t size, Stream stream);
    /// ++*counter, for step numbers that are in device memory.
    void increment(int64_t* counter, Stream stream);)

}  // namespace kantor
