#include "engine/op.h"

#include "engine/autograd.h"
#include "engine/grad_mode.h"
#include "engine/ops.h"
#include "engine/target.h"

#include <fmt/format.h>

namespace kantor {
namespace {

std::vector<std::type_index>& mutable_op_types() {
  static auto* const types = new std::vector<std::type_index>;  // filled before main begins, by one thread
  return *types;
}

}  // namespace

const std::vector<std::type_index>& op_types() {
  return mutable_op_types();
}

bool register_op_type(std::type_index type) {
  mutable_op_types().push_back(type);
  return true;
}

void require_floating(std::span<const TensorSpec> specs) {
  for (const TensorSpec& spec : specs) {
    if (!is_floating(spec.dtype)) throw DTypeError("int64 given; float32 or float64 is expected");
    if (spec.dtype != specs[0].dtype) throw DTypeError("float32 and float64 mixed; convert one with to(dtype)");
  }
}

void Op::device(const Target& target, Inputs, Outputs) const {
  throw DeviceError(fmt::format("{} has no forward on {}", name(), to_string(target.device)));
}

std::vector<Tensor> Op::reference(std::span<const Tensor>) const {
  return {};
}

std::vector<Tensor> Op::vjp(const VjpContext& context) const {
  std::vector<Tensor> inputs, wanted;
  for (const Tensor& input : context.inputs) inputs.push_back(kantor::alias(input));
  const std::vector<Tensor> outputs = [&] {
    const GradMode grad_on(true);
    return reference(inputs);
  }();
  std::vector<Tensor> grads(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (context.wanted[i]) wanted.push_back(inputs[i]);
  }
  for (size_t k = 0; k < outputs.size(); ++k) {
    if (!context.grads[k].defined() || !outputs[k].defined()) continue;
    const auto partial = grad(outputs[k], wanted, {grad_enabled(), context.grads[k]});
    for (size_t i = 0, w = 0; i < inputs.size(); ++i) {
      if (!context.wanted[i]) continue;
      const Tensor& g = partial[w++];
      if (g.defined()) grads[i] = grads[i].defined() ? add(grads[i], g) : g;
    }
  }
  return grads;
}

}  // namespace kantor
