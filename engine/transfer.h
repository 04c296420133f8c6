// Transfer: constants and copies, within a device and between devices. Internal to the engine.
#pragma once

#include "engine/op.h"
#include "engine/tensor.h"

namespace kantor {

/// Calls fn with a span over the elements of a view in the host's memory.
template <class F>
void visit_elements(const View& view, const F& fn) {
  switch (view.dtype) {
    case DType::float32:
      return fn(std::span(view.as<float>(), static_cast<size_t>(view.size())));
    case DType::float64:
      return fn(std::span(view.as<double>(), static_cast<size_t>(view.size())));
    case DType::int64:
      return fn(std::span(view.as<int64_t>(), static_cast<size_t>(view.size())));
  }
}

/// Writes `value` into every element, in place. Recordable.
void fill(const Tensor& target, double value);
/// The op behind copy_within.
std::shared_ptr<const Op> copy_op();
/// Copies the value of a tensor to one of the same shape and type on its device. Recordable.
void copy_within(const Tensor& source, const Tensor& target);
/// Copies the value of a tensor to one on another device; through the host if neither is on the CPU.
void copy_across(const Tensor& source, const Tensor& target);
/// The tensor itself if it is on the device, otherwise a copy there.
Tensor on_device(const Tensor& tensor, Device device);

}  // namespace kantor
