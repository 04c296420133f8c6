// Step: a training step, run twice to warm up, recorded once, and then replayed on fixed buffers with no allocation, no
// graph building and no shape work. What changes between replays lives in tensors that the step only reads.
#pragma once

#include "engine/tensor.h"

#include <functional>
#include <memory>

namespace kantor {

/// A training step that is recorded once and then replayed.
class Step {
 public:
  /// `fn` must do the same ops on the same tensors at each call and leave its results in tensors made outside it, by
  /// `copy_from` or an optimizer. Warm-up runs do real work and count as steps. Without `capture`, all run eagerly.
  explicit Step(std::function<void()> fn, Device device = {}, bool capture = true);
  ~Step();
  Step(Step&&) noexcept;
  Step& operator=(Step&&) noexcept;

  /// Does the step once: warms up, records, or replays. What is thrown on the way, by `fn` or while the recording is
  /// made, leaves nothing recorded: the device runs as before, and the next call tries again. Throws CaptureError where
  /// this would record or replay inside another step's recording.
  void operator()();
  /// Whether the next call replays.
  [[nodiscard]] bool captured() const;
  /// Number of launches in the recording: kernels and copies, or ops on the CPU; 0 before it is made.
  [[nodiscard]] int64_t launches() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Whether this thread records a step now.
bool capturing();

}  // namespace kantor
