// `apply` and what hangs there: checks, the graph, the recorder, the profiler and the NaN check.
#include "engine/op.h"

#include "engine/autograd.h"
#include "engine/recorder.h"
#include "engine/runtime.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <utility>

namespace kantor {
namespace {

thread_local bool recording_on = true;
thread_local bool nan_check_on = false;
thread_local Recorder* current_recorder = nullptr;
thread_local std::map<std::string, OpProfile>* profile = nullptr;

template <class T>
bool all_finite(const View& view) {
  const T* data = view.as<T>();
  return std::all_of(data, data + view.size(), [](T x) { return std::isfinite(x); });
}

void check_finite(const Launch& launch) {
  std::vector<std::byte> host;
  for (const View& output : launch.outputs) {
    if (!is_floating(output.dtype) || output.size() == 0) continue;
    View values = output;
    if (launch.device.kind != Device::Kind::cpu) {
      host.resize(static_cast<size_t>(output.size()) * size_of(output.dtype));
      runtime(launch.device).copy_out(host.data(), output.data, host.size());
      values.data = host.data();
    }
    if (!(output.dtype == DType::float32 ? all_finite<float>(values) : all_finite<double>(values))) {
      throw NonFiniteError(fmt::format("{}: NaN or infinity in its output {} {}", launch.op->name(),
                                       to_string(output.dtype), to_string(output.shape)));
    }
  }
}

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

std::vector<Spec> infer(const Op& op, std::span<const Tensor> inputs) {
  std::vector<Spec> specs;
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

void run_and_record(const Launch& launch, std::span<const Tensor> inputs, std::span<const Tensor> targets) {
  run(launch);
  if (current_recorder != nullptr) current_recorder->record(launch, inputs, targets);
}

/// Adds the storage unless it is the pool's own or already there. True where it is not the pool's.
bool keep(const std::shared_ptr<Storage>& storage, const std::shared_ptr<Pool>& pool,
          std::vector<std::shared_ptr<Storage>>& kept) {
  if (storage->pool == pool) return false;
  if (std::find(kept.begin(), kept.end(), storage) == kept.end()) kept.push_back(storage);
  return true;
}

std::vector<std::type_index>& mutable_op_types() {
  static auto* const types = new std::vector<std::type_index>;  // filled before main begins, by one thread
  return *types;
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

bool observed() {
  return nan_check_on || profile != nullptr;
}

void launch_alone(const Launch& launch) {
  if (launch.device.kind == Device::Kind::cpu) return launch.op->cpu(launch.inputs, launch.outputs);
  try {
    launch.op->device(launch.device, launch.inputs, launch.outputs);
  } catch (const KernelError& error) {
    throw KernelError(fmt::format("{}: {}", launch.op->name(), error.what()));
  }
}

void run(const Launch& launch) {
  if (profile) {
    Stopwatch watch(launch.device);
    watch.start();
    launch_alone(launch);
    OpProfile& row = (*profile)[launch.op->name()];
    row.op = launch.op->name();
    row.launches += 1;
    row.seconds += watch.stop();
  } else {
    launch_alone(launch);
  }
  if (nan_check_on) check_finite(launch);
}

void Recorder::record(const Launch& launch, std::span<const Tensor> inputs, std::span<const Tensor> targets) {
  launches.push_back(launch);
  for (const Tensor& input : inputs) keep(input.value().storage, pool, kept);
  for (const Tensor& target : targets) {
    const auto& storage = target.value().storage;
    if (keep(storage, pool, kept)) keep(storage, pool, written);
  }
}

const std::vector<std::type_index>& op_types() {
  return mutable_op_types();
}

bool register_op_type(std::type_index type) {
  mutable_op_types().push_back(type);
  return true;
}

Recorder* recorder() {
  return current_recorder;
}
void set_recorder(Recorder* recorder) {
  current_recorder = recorder;
}

void forbid_in_capture(const char* action) {
  if (current_recorder != nullptr) {
    throw CaptureError(fmt::format(
        "{} while a step is being captured: a replay would not repeat it; leave results in tensors made outside the "
        "step and read them after it",
        action));
  }
}

void require_floating(std::span<const Spec> specs) {
  for (const Spec& spec : specs) {
    if (!is_floating(spec.dtype)) throw DTypeError("int64 given; float32 or float64 is expected");
    if (spec.dtype != specs[0].dtype) throw DTypeError("float32 and float64 mixed; convert one with to(dtype)");
  }
}

void Op::device(Device device, Inputs, Outputs) const {
  throw DeviceError(fmt::format("{} has no forward on {}", name(), to_string(device)));
}

std::vector<Tensor> Op::reference(std::span<const Tensor>) const {
  return {};
}

std::vector<Tensor> Op::vjp(const VjpContext& context) const {
  std::vector<Tensor> inputs, wanted;
  for (const Tensor& input : context.inputs) inputs.push_back(kantor::alias(input));
  const std::vector<Tensor> outputs = [&] {
    const RecordingScope on(true);
    return reference(inputs);
  }();
  std::vector<Tensor> grads(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (context.wanted[i]) wanted.push_back(inputs[i]);
  }
  for (size_t k = 0; k < outputs.size(); ++k) {
    if (!context.grads[k].defined() || !outputs[k].defined()) continue;
    const auto partial = grad(outputs[k], wanted, {recording(), context.grads[k]});
    for (size_t i = 0, w = 0; i < inputs.size(); ++i) {
      if (!context.wanted[i]) continue;
      const Tensor& g = partial[w++];
      if (g.defined()) grads[i] = grads[i].defined() ? accumulate(grads[i], g) : g;
    }
  }
  return grads;
}

Node::~Node() {
  for (Tensor& input : inputs) free_graph(std::move(input).release());
}

std::vector<Tensor> apply(std::shared_ptr<const Op> op, std::vector<Tensor> inputs) {
  const Device device = common_device(*op, inputs);
  const std::vector<Spec> specs = infer(*op, inputs);
  auto node = std::make_shared<Node>();
  if (auto value = op->alias(inputs)) {
    node->outputs.push_back(std::move(*value));
  } else {
    for (const Spec& spec : specs) node->outputs.push_back(allocate(spec.shape, {spec.dtype, device}));
    Launch launch{op, views_of(inputs), {}, device};
    for (const Value& output : node->outputs) launch.outputs.push_back(output.view());
    run_and_record(launch, inputs, {});
  }
  if (recording_on) {
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
  const std::vector<Spec> specs = infer(*op, inputs);
  for (size_t i = 0; i < targets.size(); ++i) {
    if (i >= specs.size() || specs[i].shape != targets[i].shape() || specs[i].dtype != targets[i].dtype()) {
      throw ShapeError(fmt::format("{}: target {} is {}, which does not fit the output {}", op->name(), i,
                                   describe(targets[i]), i < specs.size() ? to_string(specs[i].shape) : "(none)"));
    }
  }
  for (const Tensor& target : targets) ++target.value().storage->version;  // first: a throw may come in the middle
  run_and_record({std::move(op), views_of(inputs), views_of(targets), device}, inputs, targets);
}

bool recording() {
  return recording_on;
}

RecordingScope::RecordingScope(bool on) : previous_(std::exchange(recording_on, on)) {}
RecordingScope::~RecordingScope() {
  recording_on = previous_;
}

NanCheckScope::NanCheckScope() : previous_(std::exchange(nan_check_on, true)) {}
NanCheckScope::~NanCheckScope() {
  nan_check_on = previous_;
}

ProfileScope::ProfileScope() {
  if (profile) throw Error("a profile is already being taken on this thread; end it first");
  profile = new std::map<std::string, OpProfile>;
}

ProfileScope::~ProfileScope() {
  delete std::exchange(profile, nullptr);
}

std::vector<OpProfile> ProfileScope::rows() const {
  std::vector<OpProfile> rows;
  for (const auto& [name, row] : *profile) rows.push_back(row);
  std::sort(rows.begin(), rows.end(), [](const OpProfile& a, const OpProfile& b) { return a.seconds > b.seconds; });
  return rows;
}

}  // namespace kantor
