// Step: a training step, recorded once, rewritten (rewrites.h), and then replayed on fixed buffers with no allocation,
// no graph building and no shape work. What changes between replays lives in tensors that the step only reads.
#pragma once

#include "engine/tensor.h"

#include <functional>
#include <memory>
#include <string>

namespace kantor {

/// A training step that is recorded once and then replayed.
class Step {
 public:
  /// `fn` is called once, at the first step, to write its ops down; it must leave its results in tensors made outside
  /// it, by `copy_from` or an optimizer. Without `capture` it is called at every step, and runs op by op.
  explicit Step(std::function<void()> fn, Device device = {}, bool capture = true);
  ~Step();
  Step(Step&&) noexcept;
  Step& operator=(Step&&) noexcept;

  /// Does the step once. The first calls replay op by op, to warm up the device's libraries; later ones are one launch
  /// where the device has graphs. After a throw the device runs as before, and the next call tries again. Throws
  /// CaptureError where `fn` does what a replay would not repeat, and inside another step's recording.
  void operator()();
  /// Whether the next call replays what will not be recorded again.
  [[nodiscard]] bool captured() const;
  /// Number of launches in a replay: kernels and copies, or ops on the CPU; 0 before `captured`.
  [[nodiscard]] int64_t launches() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The ops of a step of `fn` as they are written down and as a Step replays them, a line each. Calls `fn`, and runs
/// nothing. Throws as a Step does.
std::string explain_step(const std::function<void()>& fn, Device device = {});

/// Whether this thread records a step now.
bool capturing();

}  // namespace kantor
