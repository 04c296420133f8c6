#include "engine/recording/recorder.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace kantor {
namespace {

thread_local Recorder* current_recorder = nullptr;

}  // namespace

Recorder::Recorder(Device device) : pool_(std::make_shared<Pool>(device)), recording_{device, {}} {}

std::shared_ptr<Buffer> Recorder::buffer_of(const std::shared_ptr<Storage>& storage) {
  Seen& seen = seen_[storage.get()];
  if (seen.buffer == nullptr || seen.storage.expired()) {
    const bool temporary = storage->pool == pool_;
    seen = {storage, std::make_shared<Buffer>()};
    if (!temporary) *seen.buffer = {storage->bytes, storage};
  }
  return seen.buffer;
}

Operand Recorder::operand(const Value& value) {
  Operand operand{
      buffer_of(value.storage), static_cast<size_t>(value.offset) * size_of(value.dtype), {value.shape, value.dtype}};
  // Pools round sizes up; a temporary is as long as what is used of it.
  if (operand.buffer->temporary()) operand.buffer->bytes = std::max(operand.buffer->bytes, operand.end());
  return operand;
}

void Recorder::record(std::shared_ptr<const Op> op, std::span<const Tensor> inputs, std::span<const Value> outputs) {
  RecordedCall call{std::move(op), {}, {}};
  for (const Tensor& input : inputs) {
    call.inputs.push_back(operand(input.value()));
    call.inputs.back().version = writes_[call.inputs.back().buffer.get()];
  }
  for (const Value& output : outputs) {
    call.outputs.push_back(operand(output));
    ++writes_[call.outputs.back().buffer.get()];
  }
  recording_.calls.push_back(std::move(call));
}

Recording Recorder::take() {
  seen_.clear();
  writes_.clear();
  return std::exchange(recording_, Recording{recording_.device, {}});
}

Recorder* recorder() {
  return current_recorder;
}

RecorderScope::RecorderScope(Recorder& recorder) : pool_(recorder.pool()) {
  current_recorder = &recorder;
}
RecorderScope::~RecorderScope() {
  current_recorder = nullptr;
}

void forbid_in_capture(const char* action) {
  if (current_recorder == nullptr) return;
  throw CaptureError(
      fmt::format("{} while a step is being captured: a replay would not repeat it; leave results in tensors made "
                  "outside the step and read them after it",
                  action));
}

}  // namespace kantor
