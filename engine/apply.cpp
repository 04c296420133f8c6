#include "engine/apply.h"

#include "engine/grad_mode.h"
#include "engine/op_call.h"
#include "engine/recording/recorder.h"
#include "engine/target.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <utility>

namespace kantor {
namespace {

std::string describe_all(std::span<const Tensor> tensors) {
  std::vector<std::string> texts;
  for (const Tensor& tensor : tensors) texts.push_back(describe(tensor));
  return fmt::format("{}", fmt::join(texts, "; "));
}

/// The device that all inputs share; CPU for ops without inputs.
Device common_device(const Op& op, std::span<const Tensor> inputs) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].defined()) {
      throw ShapeError(fmt::format("{}: input {} is undefined (a missing gradient stands for zero; or_zeros fills it)",
                                   op.name(), i));
    }
    if (inputs[i].device() != inputs[0].device()) {
      throw DeviceError(fmt::format("{}: inputs on different devices: {}; move them with to(device)", op.name(),
                                    describe_all(inputs)));
    }
  }
  return inputs.empty() ? Device{} : inputs[0].device();
}

std::vector<TensorSpec> infer(const Op& op, std::span<const Tensor> inputs) {
  std::vector<TensorSpec> specs;
  specs.reserve(inputs.size());
  for (const Tensor& input : inputs) specs.push_back({input.shape(), input.dtype()});
  const auto prefix = [&](const Error& error) {
    return fmt::format("{}: {} (inputs: {})", op.name(), error.what(), describe_all(inputs));
  };
  try {
    return op.infer(specs);
  } catch (const ShapeError& error) {
    throw ShapeError(prefix(error));
  } catch (const DTypeError& error) {
    throw DTypeError(prefix(error));
  }
}

std::vector<View> views_of(std::span<const Tensor> tensors) {
  std::vector<View> views;
  views.reserve(tensors.size());
  for (const Tensor& tensor : tensors) views.push_back(tensor.view());
  return views;
}

/// Runs an op, or writes it down where this thread records.
void run_or_record(const std::shared_ptr<const Op>& op, std::span<const Tensor> inputs, std::span<const Value> outputs,
                   Device device) {
  if (Recorder* const current = recorder()) return current->record(op, inputs, outputs);
  OpCall call{op, views_of(inputs), {}, device};
  for (const Value& output : outputs) call.outputs.push_back(output.view());
  run(call);
}

/// Frees a graph by pointer reversal (Schorr and Waite 1967): the edge that was followed down holds the way back up, so
/// that neither recursion nor memory is needed, which a destructor may not have.
void free_graph(std::shared_ptr<Node> node) noexcept {
  std::shared_ptr<Node> above;
  for (;;) {
    if (node.use_count() == 1 && !node->inputs.empty()) {
      Tensor& edge = node->inputs.back();
      std::shared_ptr<Node> below = std::move(edge).release();
      edge = Tensor(std::move(above), 0);
      above = std::move(node);
      node = std::move(below);
      continue;
    }
    node.reset();
    if (!above) return;
    node = std::move(above);
    above = std::move(node->inputs.back()).release();
    node->inputs.pop_back();
  }
}

}  // namespace

Node::~Node() {
  for (Tensor& input : inputs) free_graph(std::move(input).release());
}

void run_alone(const OpCall& call) {
  if (call.device.kind == Device::Kind::cpu) return call.op->cpu(call.inputs, call.outputs);
  try {
    call.op->device(target_of(call.device), call.inputs, call.outputs);
  } catch (const KernelError& error) {
    throw KernelError(fmt::format("{}: {}", call.op->name(), error.what()));
  }
}

std::vector<Tensor> apply(std::shared_ptr<const Op> op, std::vector<Tensor> inputs) {
  const Device device = common_device(*op, inputs);
  const std::vector<TensorSpec> specs = infer(*op, inputs);
  auto node = std::make_shared<Node>();
  if (auto value = op->alias(inputs)) {
    node->outputs.push_back(std::move(*value));
  } else {
    for (const TensorSpec& spec : specs) node->outputs.push_back(allocate(spec.shape, {spec.dtype, device}));
    run_or_record(op, inputs, node->outputs, device);
  }
  if (grad_enabled()) {
    node->op = std::move(op);
    node->versions.reserve(inputs.size() + node->outputs.size());
    for (const Tensor& input : inputs) node->versions.push_back(input.value().storage->version);
    for (const Value& output : node->outputs) node->versions.push_back(output.storage->version);
    node->inputs = std::move(inputs);
  }
  std::vector<Tensor> outputs;
  for (size_t i = 0; i < specs.size(); ++i) outputs.emplace_back(node, static_cast<int>(i));
  return outputs;
}

Tensor apply1(std::shared_ptr<const Op> op, std::vector<Tensor> inputs) {
  return apply(std::move(op), std::move(inputs)).front();
}

void apply_in_place(std::shared_ptr<const Op> op, const std::vector<Tensor>& inputs,
                    const std::vector<Tensor>& targets) {
  const Device device = common_device(*op, targets);
  if (const Device read = common_device(*op, inputs); !inputs.empty() && read != device) {
    throw DeviceError(fmt::format("{}: inputs on {}, targets on {}: {}; {}; move them with to(device)", op->name(),
                                  to_string(read), to_string(device), describe_all(inputs), describe_all(targets)));
  }
  const std::vector<TensorSpec> specs = infer(*op, inputs);
  for (size_t i = 0; i < targets.size(); ++i) {
    if (i >= specs.size() || specs[i].shape != targets[i].shape() || specs[i].dtype != targets[i].dtype()) {
      throw ShapeError(fmt::format("{}: target {} is {}, which does not fit the output {}", op->name(), i,
                                   describe(targets[i]), i < specs.size() ? to_string(specs[i].shape) : "(none)"));
    }
  }
  std::vector<Value> outputs;
  for (const Tensor& target : targets) {
    ++target.value().storage->version;  // before the launch, which may throw
    outputs.push_back(target.value());
  }
  run_or_record(op, inputs, outputs, device);
}

}  // namespace kantor
