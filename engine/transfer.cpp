#include "engine/transfer.h"

#include "engine/apply.h"
#include "engine/cpu/parallel.h"
#include "engine/runtime.h"
#include "engine/target.h"
#include "kernels/pointwise.h"

#include <algorithm>
#include <cstring>

namespace kantor {
namespace {

/// Copies one buffer; the launch behind copy_from.
class Copy final : public OpOf<Copy> {
 public:
  [[nodiscard]] const char* name() const override { return "copy"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override { return {inputs[0]}; }
  [[nodiscard]] bool is_copy() const override { return true; }
  void cpu(Inputs inputs, Outputs outputs) const override {
    const auto element = static_cast<int64_t>(size_of(outputs[0].dtype));
    auto* to = static_cast<std::byte*>(outputs[0].data);
    const auto* from = static_cast<const std::byte*>(inputs[0].data);
    cpu::for_ranges(outputs[0].size(), 0.5, [&](int64_t begin, int64_t end) {
      std::memcpy(to + begin * element, from + begin * element, static_cast<size_t>((end - begin) * element));
    });
  }
  void device(const Target& target, Inputs inputs, Outputs outputs) const override {
    const size_t bytes = static_cast<size_t>(outputs[0].size()) * size_of(outputs[0].dtype);
    if (bytes > 0) runtime(target.device).copy(outputs[0].data, inputs[0].data, bytes);
  }
};

/// A constant; an op so that a captured step can hold it.
class Fill final : public OpOf<Fill> {
 public:
  Fill(const Shape& shape, DType dtype, double value) : spec_{shape, dtype}, value_(value) {}
  [[nodiscard]] const char* name() const override { return "fill"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec>) const override { return {spec_}; }
  void cpu(Inputs, Outputs outputs) const override {
    visit_elements(outputs[0], [&](auto elements) {
      using Element = typename decltype(elements)::value_type;
      std::fill(elements.begin(), elements.end(), static_cast<Element>(value_));
    });
  }
  void device(const Target& target, Inputs, Outputs outputs) const override {
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
  TensorSpec spec_;
  double value_;
};

size_t bytes_of(const Tensor& tensor) {
  return static_cast<size_t>(tensor.size()) * size_of(tensor.dtype());
}

}  // namespace

void fill(const Tensor& target, double value) {
  apply_in_place(std::make_shared<const Fill>(target.shape(), target.dtype(), value), {}, {target});
}

std::shared_ptr<const Op> copy_op() {
  static const auto op = std::make_shared<const Copy>();
  return op;
}

void copy_within(const Tensor& source, const Tensor& target) {
  apply_in_place(copy_op(), {source}, {target});
}

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

Tensor on_device(const Tensor& tensor, Device device) {
  if (tensor.device() == device) return tensor;
  Tensor copy = empty(tensor.shape(), {tensor.dtype(), device});
  copy_across(tensor, copy);
  return copy;
}

}  // namespace kantor
