// Optimizers: update, clip and weight statistics in one pass over the parameters and one launch for all tensors.
// Semantics are PyTorch's: RMSProp adds epsilon outside the root and starts its mean square at 0.
#pragma once

#include "engine/arena.h"

#include <array>
#include <string>
#include <vector>

namespace kantor {

struct OptimizerConfig {
  enum class Kind : uint8_t { sgd, rmsprop, adam };
  Kind kind = Kind::adam;
  double learning_rate = 1e-4;
  double beta1 = 0.5, beta2 = 0.9;  // Adam
  double alpha = 0.99;              // RMSProp: decay of the mean square
  double epsilon = 1e-8;
};

/// "sgd", "rmsprop", "adam". Throws Error for other names.
OptimizerConfig::Kind parse_optimizer(const std::string& name);
std::string to_string(OptimizerConfig::Kind kind);

/// Adds one to an int64 counter of rank 0, in place. Recordable.
void increment(const Tensor& counter);

/// Of one tensor, after the update and the clip.
struct WeightStatistics {
  static constexpr int bins = 32;
  int64_t count = 0;
  int64_t saturated = 0;   // |w| == bound; 0 where no bound is set
  int64_t non_finite = 0;  // NaN or infinite
  double max_abs = 0;      // of the finite ones
  double sum_squares = 0;
  double range = 0;  // the histogram spans [-range, range]: the bound, else the max_abs before the update
  std::array<int64_t, bins> histogram{};  // zeros where none was taken; the outer bins take what lies beyond
};

class Optimizer {
 public:
  /// State is zero. `parameters` is kept by handle, with its rows' bounds as they are now.
  Optimizer(OptimizerConfig config, const Arena& parameters);

  /// One update from the gradients, then clip to each row's bound, then the statistics. NaN into the clip stays NaN.
  /// Recordable: the step number and the learning rate live in tensors.
  void update(const Arena& gradients);
  /// Only the clip, as before the first forward pass.
  void clip();
  /// Whether updates from now on take histograms too, at about twice the time; off at the start. Also in replays.
  void take_histograms(bool on);
  /// Statistics of the last update (or clip), one per row. Reads on the host.
  [[nodiscard]] std::vector<WeightStatistics> statistics() const;

  [[nodiscard]] const OptimizerConfig& config() const { return config_; }
  void set_learning_rate(double rate);
  /// For checkpoints: "adam.m", "adam.v", "rmsprop.v" arenas, and the step number (int64 []).
  [[nodiscard]] const std::vector<std::pair<std::string, Arena>>& state() const { return state_; }
  [[nodiscard]] const Tensor& step() const { return step_; }

 private:
  void launch(const Tensor& gradients, const std::vector<ArenaRow>& rows, bool only_clip);

  OptimizerConfig config_;
  Arena parameters_;
  std::vector<std::pair<std::string, Arena>> state_;
  Tensor step_, learning_rate_, histograms_, statistics_;
  Tensor pieces_, bounds_;  // tables of the arena, for kernels
};

}  // namespace kantor
