#include "engine/recording/plan.h"

#include <algorithm>
#include <cstddef>
#include <unordered_map>

namespace kantor {
namespace {

class Planner {
 public:
  explicit Planner(const Recording& recording) : recording_(recording) {
    plan_.pool = std::make_shared<Pool>(recording.device);
    for (size_t i = 0; i < recording.calls.size(); ++i) {
      for_operands(recording.calls[i], [&](const Operand& operand) { last_use_[operand.buffer.get()] = i; });
    }
  }

  Plan make() {
    for (size_t i = 0; i < recording_.calls.size(); ++i) {
      const RecordedCall& call = recording_.calls[i];
      OpCall planned{call.op, {}, {}, recording_.device};
      for (const Operand& input : call.inputs) planned.inputs.push_back(view_of(input));
      for (const Operand& output : call.outputs) {
        planned.outputs.push_back(view_of(output));
        if (const auto& storage = output.buffer->storage) keep(storage, plan_.written);
      }
      plan_.calls.push_back(std::move(planned));
      for_operands(call, [&](const Operand& operand) {
        if (last_use_.at(operand.buffer.get()) == i) memory_.erase(operand.buffer.get());
      });
    }
    return std::move(plan_);
  }

 private:
  template <class F>
  static void for_operands(const RecordedCall& call, const F& fn) {
    for (const Operand& operand : call.inputs) fn(operand);
    for (const Operand& operand : call.outputs) fn(operand);
  }

  static void keep(const std::shared_ptr<Storage>& storage, std::vector<std::shared_ptr<Storage>>& kept) {
    if (std::find(kept.begin(), kept.end(), storage) == kept.end()) kept.push_back(storage);
  }

  View view_of(const Operand& operand) {
    std::shared_ptr<Storage> storage = operand.buffer->storage;
    if (storage) {
      keep(storage, plan_.kept);
    } else {
      std::shared_ptr<Storage>& memory = memory_[operand.buffer.get()];
      if (!memory) memory = plan_.pool->allocate(operand.buffer->bytes);
      storage = memory;
    }
    return {static_cast<std::byte*>(storage->data) + operand.begin, operand.spec.shape, operand.spec.dtype};
  }

  const Recording& recording_;
  Plan plan_;
  std::unordered_map<const Buffer*, size_t> last_use_;
  std::unordered_map<const Buffer*, std::shared_ptr<Storage>> memory_;  // of temporaries that are in use
};

}  // namespace

void Plan::run() const {
  for (const OpCall& call : calls) kantor::run(call);
}

void Plan::count_writes() const {
  for (const auto& storage : written) ++storage->version;
}

Plan make_plan(const Recording& recording) {
  return Planner(recording).make();
}

}  // namespace kantor
