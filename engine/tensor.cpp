#include "engine/tensor.h"

#include "engine/apply.h"
#include "engine/recording/recorder.h"
#include "engine/transfer.h"

#include <algorithm>
#include <fmt/format.h>

namespace kantor {

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
  if (source.device() == device()) return copy_within(source, *this);
  forbid_in_capture("copying a tensor between devices");
  copy_across(source, *this);
  ++value().storage->version;
}

Tensor Tensor::narrow(int64_t begin, const Shape& part) const {
  if (begin < 0 || begin > size() || part.size() > size() - begin) {
    throw ShapeError(fmt::format("narrow to {} at element {} of {}", to_string(part), begin, describe(*this)));
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
  fill(result, value);
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
