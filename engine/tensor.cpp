#include "engine/tensor.h"

#include "engine/cpu/parallel.h"
#include "engine/launch.h"
#include "engine/op.h"
#include "engine/recorder.h"
#include "engine/runtime.h"
#include "kernels/pointwise.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace kantor {
namespace {

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

/// Copies one buffer; the launch behind copy_from.
class Copy final : public OpOf<Copy> {
 public:
  [[nodiscard]] const char* name() const override { return "copy"; }
  [[nodiscard]] std::vector<Spec> infer(std::span<const Spec> inputs) const override { return {inputs[0]}; }
  void cpu(Inputs inputs, Outputs outputs) const override {
    const auto element = static_cast<int64_t>(size_of(outputs[0].dtype));
    auto* to = static_cast<std::byte*>(outputs[0].data);
    const auto* from = static_cast<const std::byte*>(inputs[0].data);
    cpu::for_ranges(outputs[0].size(), 0.5, [&](int64_t begin, int64_t end) {
      std::memcpy(to + begin * element, from + begin * element, static_cast<size_t>((end - begin) * element));
    });
  }
  void device(Device device, Inputs inputs, Outputs outputs) const override {
    const size_t bytes = static_cast<size_t>(outputs[0].size()) * size_of(outputs[0].dtype);
    if (bytes > 0) runtime(device).copy(outputs[0].data, inputs[0].data, bytes);
  }
};

/// A constant; an op so that a captured step can hold it.
class Fill final : public OpOf<Fill> {
 public:
  Fill(const Shape& shape, DType dtype, double value) : spec_{shape, dtype}, value_(value) {}
  [[nodiscard]] const char* name() const override { return "fill"; }
  [[nodiscard]] std::vector<Spec> infer(std::span<const Spec>) const override { return {spec_}; }
  void cpu(Inputs, Outputs outputs) const override {
    visit_elements(outputs[0], [&](auto elements) {
      using Element = typename decltype(elements)::value_type;
      std::fill(elements.begin(), elements.end(), static_cast<Element>(value_));
    });
  }
  void device(Device device, Inputs, Outputs outputs) const override {
    const Target target = target_of(device);
    const View& y = outputs[0];
    if (y.dtype == DType::int64) {
      KANTOR_ON(target.backend, fill(y.as<int64_t>(), static_cast<int64_t>(value_), y.size(), target.stream));
      return;
    }
    visit_floating(y.dtype, [&](auto zero) {
      using T = decltype(zero);
      KANTOR_ON(target.backend, fill(y.as<T>(), static_cast<T>(value_), y.size(), target.stream));
    });
  }

 private:
  Spec spec_;
  double value_;
};

size_t bytes_of(const Tensor& tensor) {
  return static_cast<size_t>(tensor.size()) * size_of(tensor.dtype());
}

/// Copies the value of a tensor to one on another device: through the host, where it lies on neither.
void copy_across(const Tensor& source, const Tensor& target) {
  if (source.size() == 0) return;
  const size_t bytes = bytes_of(source);
  const void* from = source.view().data;
  void* to = target.view().data;
  if (target.device().kind == Device::Kind::cpu) return runtime(source.device()).copy_out(to, from, bytes);
  if (source.device().kind == Device::Kind::cpu) return runtime(target.device()).copy_in(to, from, bytes);
  const Tensor host = empty(source.shape(), {source.dtype(), {}});
  runtime(source.device()).copy_out(host.view().data, from, bytes);
  runtime(target.device()).copy_in(to, host.view().data, bytes);
}

/// The tensor itself where it is on the device, else a copy there.
Tensor on_device(const Tensor& tensor, Device device) {
  if (tensor.device() == device) return tensor;
  Tensor copy = empty(tensor.shape(), {tensor.dtype(), device});
  copy_across(tensor, copy);
  return copy;
}

}  // namespace

View Value::view() const {
  auto* bytes = static_cast<std::byte*>(storage->data) + static_cast<size_t>(offset) * size_of(dtype);
  return {bytes, shape, dtype};
}

Tensor::Tensor(Value value) : node_(std::make_shared<Node>()) {
  node_->outputs.push_back(std::move(value));
}

const Value& Tensor::value() const {
  if (!node_) throw ShapeError("an undefined tensor has no value (a missing gradient stands for zero)");
  return node_->outputs[static_cast<size_t>(index_)];
}

Tensor Tensor::detach() const {
  return Tensor(value());
}

double Tensor::item() const {
  if (size() != 1) throw ShapeError(fmt::format("item() of {}: only a tensor of one element has one", describe(*this)));
  return to_vector<double>()[0];
}

template <class T>
std::vector<T> Tensor::to_vector() const {
  forbid_in_capture("reading a tensor on the host");
  std::vector<T> result(static_cast<size_t>(size()));
  const Tensor host = on_device(*this, {});
  visit_elements(host.view(), [&](auto elements) {
    std::transform(elements.begin(), elements.end(), result.begin(), [](auto x) { return static_cast<T>(x); });
  });
  return result;
}

template <class T>
void Tensor::assign(std::span<const T> values) const {
  forbid_in_capture("writing a tensor from the host");
  if (static_cast<int64_t>(values.size()) != size()) {
    throw ShapeError(fmt::format("assign of {} elements to {}", values.size(), describe(*this)));
  }
  const bool here = device().kind == Device::Kind::cpu;
  const Tensor host = here ? *this : empty(shape(), {dtype(), {}});
  visit_elements(host.view(), [&](auto elements) {
    using Element = typename decltype(elements)::value_type;
    std::transform(values.begin(), values.end(), elements.begin(), [](T x) { return static_cast<Element>(x); });
  });
  if (!here) copy_across(host, *this);
  ++value().storage->version;
}

void Tensor::copy_from(const Tensor& source) const {
  if (source.shape() != shape() || source.dtype() != dtype()) {
    throw ShapeError(fmt::format("copy_from: {} does not fit into {}", describe(source), describe(*this)));
  }
  if (source.device() == device()) return apply_in_place(std::make_shared<const Copy>(), {source}, {*this});
  forbid_in_capture("copying a tensor between devices");
  copy_across(source, *this);
  ++value().storage->version;
}

Tensor Tensor::window(int64_t begin, const Shape& part) const {
  if (begin < 0 || begin > size() || part.size() > size() - begin) {
    throw ShapeError(fmt::format("window {} at element {} of {}", to_string(part), begin, describe(*this)));
  }
  return Tensor(Value{part, dtype(), value().storage, value().offset + begin});
}

Tensor Tensor::to(Device device) const {
  if (device == this->device()) return detach();
  forbid_in_capture("moving a tensor between devices");
  return on_device(*this, device);
}

Tensor Tensor::to(DType dtype) const {
  forbid_in_capture("converting a tensor on the host");
  const Tensor result = empty(shape(), {dtype, device()});
  const Tensor host = on_device(*this, {});
  visit_elements(host.view(), [&](auto elements) {
    using Element = typename decltype(elements)::value_type;
    result.assign(std::span<const Element>(elements));
  });
  return result;
}

Value allocate(const Shape& shape, TensorOptions options) {
  const size_t bytes = static_cast<size_t>(shape.size()) * size_of(options.dtype);
  return {shape, options.dtype, current_pool(options.device)->allocate(bytes), 0};
}

Tensor empty(const Shape& shape, TensorOptions options) {
  return Tensor(allocate(shape, options));
}

Tensor full(const Shape& shape, double value, TensorOptions options) {
  const Tensor result = empty(shape, options);
  apply_in_place(std::make_shared<const Fill>(shape, options.dtype, value), {}, {result});
  return result;
}

Tensor zeros(const Shape& shape, TensorOptions options) {
  return full(shape, 0, options);
}
Tensor ones(const Shape& shape, TensorOptions options) {
  return full(shape, 1, options);
}

template <class T>
Tensor from_host(std::span<const T> values, const Shape& shape, TensorOptions options) {
  const Tensor result = empty(shape, options);
  result.assign(values);
  return result;
}

std::string describe(const Tensor& tensor) {
  if (!tensor.defined()) return "undefined";
  return fmt::format("{} {} on {}", to_string(tensor.dtype()), to_string(tensor.shape()), to_string(tensor.device()));
}

template std::vector<float> Tensor::to_vector<float>() const;
template std::vector<double> Tensor::to_vector<double>() const;
template std::vector<int64_t> Tensor::to_vector<int64_t>() const;
template void Tensor::assign<float>(std::span<const float>) const;
template void Tensor::assign<double>(std::span<const double>) const;
template void Tensor::assign<int64_t>(std::span<const int64_t>) const;
template Tensor from_host<float>(std::span<const float>, const Shape&, TensorOptions);
template Tensor from_host<double>(std::span<const double>, const Shape&, TensorOptions);
template Tensor from_host<int64_t>(std::span<const int64_t>, const Shape&, TensorOptions);

}  // namespace kantor
