// FusableTraining: a training whose steps one launch can do, many of them, and beside those of other trainings
// (shared_launches.h).
#pragma once

#include <cstdint>
#include <vector>

namespace kantor {

struct FusedModel;
struct MlpOutcome;

/// Samples of a training's next steps, as a launch takes them; empty where the kernel draws or makes them.
struct FusedSamples {
  std::vector<float> real, fake;
};

/// A training whose steps can be fused into launches: its own, or those of several trainings.
class FusableTraining {
 public:
  virtual ~FusableTraining() = default;

  /// So many steps: in one launch where they are fused, else one after the other; `histograms`: of the critic's weights
  /// after the last of them. Throws NonFiniteError naming step, network and tensor.
  virtual void steps(int64_t count, bool histograms = false) = 0;
  [[nodiscard]] virtual int64_t steps_done() const = 0;
  /// Blocks that train in a launch of fused steps; 0 where steps are not fused.
  [[nodiscard]] virtual int fused_team() const = 0;

  /// For fused launches of several trainings: this one's networks, the samples of its next steps, which are to be done
  /// then, and what became of them, which throws as `steps` does.
  [[nodiscard]] virtual FusedModel fused_model() = 0;
  [[nodiscard]] virtual FusedSamples next_samples(int64_t steps) = 0;
  virtual void take(const MlpOutcome& outcome) = 0;
};

}  // namespace kantor
