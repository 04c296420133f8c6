#include "engine/recorder.h"

#include <algorithm>
#include <fmt/format.h>

namespace kantor {
namespace {

thread_local Recorder* current_recorder = nullptr;

/// Adds the storage unless it is the pool's own or already there. Returns whether it is not the pool's.
bool keep(const std::shared_ptr<Storage>& storage, const std::shared_ptr<Pool>& pool,
          std::vector<std::shared_ptr<Storage>>& kept) {
  if (storage->pool == pool) return false;
  if (std::find(kept.begin(), kept.end(), storage) == kept.end()) kept.push_back(storage);
  return true;
}

}  // namespace

void Recorder::record(const OpCall& call, std::span<const Tensor> inputs, std::span<const Tensor> targets) {
  calls.push_back(call);
  for (const Tensor& input : inputs) keep(input.value().storage, pool, kept);
  for (const Tensor& target : targets) {
    const auto& storage = target.value().storage;
    if (keep(storage, pool, kept)) keep(storage, pool, written);
  }
}

Recorder* recorder() {
  return current_recorder;
}
void set_recorder(Recorder* recorder) {
  current_recorder = recorder;
}

void forbid_in_capture(const char* action) {
  if (current_recorder == nullptr) return;
  throw CaptureError(
      fmt::format("{} while a step is being captured: a replay would not repeat it; leave results in tensors made "
                  "outside the step and read them after it",
                  action));
}

}  // namespace kantor
