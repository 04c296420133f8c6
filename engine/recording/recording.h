// Recording: the ops of a step as a list of calls on named memory, which rewrites change (rewrite.h) before a plan
// gives the memory addresses (plan.h). Internal to the engine.
#pragma once

#include "engine/op.h"
#include "kernels/any_function.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace kantor {

/// Memory that calls read and write: a tensor's from outside the step, a constant's, or a temporary's, which has no
/// address before the plan is made. Buffers are told apart by where they are.
struct Buffer {
  size_t bytes = 0;
  std::shared_ptr<Storage> storage = nullptr;  // null: a temporary
  bool constant = false;                       // nothing writes it any more

  [[nodiscard]] bool temporary() const { return storage == nullptr; }
};

/// A tensor in a buffer, `begin` in bytes. An input's `version` counts the writes to its buffer before: inputs at one
/// place with one version are the same value.
struct Operand {
  std::shared_ptr<Buffer> buffer;
  size_t begin = 0;
  TensorSpec spec = {};
  uint64_t version = 0;

  [[nodiscard]] size_t bytes() const { return static_cast<size_t>(spec.shape.size()) * size_of(spec.dtype); }
  [[nodiscard]] size_t end() const { return begin + bytes(); }
  [[nodiscard]] bool overlaps(const Operand& other) const {
    return buffer == other.buffer && begin < other.end() && other.begin < end();
  }
  [[nodiscard]] bool same_bytes(const Operand& other) const {
    return buffer == other.buffer && begin == other.begin && bytes() == other.bytes();
  }
  /// Whether it is all of a temporary.
  [[nodiscard]] bool whole_temporary() const { return buffer->temporary() && begin == 0 && bytes() == buffer->bytes; }
};

/// One op on its operands.
struct RecordedCall {
  std::shared_ptr<const Op> op;
  std::vector<Operand> inputs, outputs;

  [[nodiscard]] bool writes(const Operand& place) const;
  /// Whether the value at the place matters to the call.
  [[nodiscard]] bool reads(const Operand& place) const;
  /// Every operand in `from` is now `offset` bytes further in `to`.
  void move_buffer(const Buffer& from, const std::shared_ptr<Buffer>& to, size_t offset);
};

/// Whether the call applies the function F of kernels/function.h to elements.
template <class F>
bool applies(const RecordedCall& call) {
  const AnyFunction* function = call.op->pointwise();
  return function != nullptr && function->is<F>();
}

/// The calls of a step, in an order in which they can run.
struct Recording {
  Device device;
  std::vector<RecordedCall> calls;

  /// Removes the calls whose mark is set.
  void remove(const std::vector<bool>& marks);
};

}  // namespace kantor
