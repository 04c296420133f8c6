// TrainingRun: one run in its folder, a few steps at a time, so that several can go on together.
#pragma once

#include "models/training/run.h"
#include "models/training/trainer.h"

#include <memory>

namespace kantor {

class TrainingRun {
 public:
  /// Checks everything, and loads what a resume continues; writes nothing. Throws as `train` does.
  TrainingRun(const RunConfig& config, const RunOptions& options);
  ~TrainingRun();
  TrainingRun(TrainingRun&&) noexcept;
  TrainingRun& operator=(TrainingRun&&) noexcept;

  /// Measures the start and begins the folder.
  void begin();
  /// Whether nothing is left to do: all steps are done, it diverged, or it was stopped.
  [[nodiscard]] bool has_ended() const;
  /// How many steps may be done before something is due: 1 where they are not fused.
  [[nodiscard]] int64_t steps_at_once() const;
  /// Does so many steps, and what is due after them.
  void step(int64_t count);
  /// The same with steps that a fused launch has done, in so many seconds of this run.
  void take(const MlpOutcome& outcome, double seconds);
  /// Writes what comes last, and says how it ended.
  [[nodiscard]] RunResult finish();

  [[nodiscard]] Trainer& trainer();
  [[nodiscard]] const RunConfig& config() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kantor
