// What is a copy in disguise becomes one, so that it can vanish (in_place.cpp): a product with a constant 1, and rows
// that are put one behind the other.
#include "engine/recording/rewrite.h"
#include "engine/runtime.h"
#include "engine/transfer.h"

#include <cstring>

namespace kantor {
namespace {

/// Whether it is a constant whose one element is 1.
bool is_one(const Operand& operand, Device device) {
  if (!operand.buffer->constant || operand.spec.shape.size() != 1) return false;
  double value = 0;
  const auto* from = static_cast<const std::byte*>(operand.buffer->storage->data) + operand.begin;
  const auto read = [&](auto zero) {
    if (device.kind == Device::Kind::cpu) {
      std::memcpy(&zero, from, sizeof zero);
    } else {
      runtime(device).copy_out(&zero, from, sizeof zero);
    }
    value = static_cast<double>(zero);
  };
  if (operand.spec.dtype == DType::float32) read(float{});
  if (operand.spec.dtype == DType::float64) read(double{});
  return value == 1;
}

void copy_of_product(RecordedCall& product, Device device) {
  for (size_t i = 0; i < 2; ++i) {
    if (!is_one(product.inputs[1 - i], device) || product.inputs[i].spec.shape != product.outputs[0].spec.shape)
      continue;
    product = {copy_op(), {product.inputs[i]}, product.outputs};
    return;
  }
}

}  // namespace

void find_copies(Recording& recording) {
  std::vector<RecordedCall> calls;
  for (RecordedCall& call : recording.calls) {
    if (applies<function::Mul>(call)) copy_of_product(call, recording.device);
    if (!call.op->stacks_rows()) {
      calls.push_back(std::move(call));
      continue;
    }
    Operand part = call.outputs[0];
    for (const Operand& input : call.inputs) {
      part.spec = input.spec;
      calls.push_back({copy_op(), {input}, {part}});
      part.begin += input.bytes();
    }
  }
  recording.calls = std::move(calls);
}

}  // namespace kantor
