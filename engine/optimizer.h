// Optimizers: update, clip and weight statistics in one pass over the parameters and one launch for all tensors.
// Semantics are PyTorch's; the rules stand in kernels/update_rules/.
#pragma once

#include "engine/arena.h"
#include "engine/weight_statistics.h"

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace kantor {

class ArenaUpdate;
struct UpdateSettings;

/// An update rule and its numbers, with PyTorch's semantics.
struct OptimizerConfig {
  std::string rule = "adam";  // one of optimizer_names()
  double learning_rate = 1e-4;
  double beta1 = 0.5, beta2 = 0.9;  // Adam and AdamW
  double alpha = 0.99;              // RMSProp: decay of the mean square
  double epsilon = 1e-8;
  double weight_decay = 0;  // AdamW
};

/// The update rules' names: "sgd", "rmsprop", "adam", ...
const std::vector<std::string>& optimizer_names();

/// How many arrays of the parameters' size the rule keeps. Throws Error for an unknown rule.
int optimizer_state_arrays(const std::string& rule);

/// Updates all parameters of a network, and clips them to their bounds, in one pass.
class Optimizer {
 public:
  /// State is zero. `parameters` is kept by handle. `bounds`: |w| <= bound for each row, infinite where a row is not
  /// clipped; empty where none is. Throws Error for an unknown rule, ShapeError unless there is one bound a row.
  Optimizer(const OptimizerConfig& config, const Arena& parameters, std::vector<double> bounds = {});

  /// One update from the gradients, then the clip, then the statistics. NaN into the clip stays NaN. Recordable: the
  /// step number and the learning rate live in tensors.
  void update(const Arena& gradients);
  /// Clips without an update, as before the first forward pass.
  void clip();
  /// Whether updates from now on take histograms too, at about twice the time; off at the start. Also in replays.
  void take_histograms(bool on);
  /// Statistics of the last update (or clip), one per row. Reads on the host.
  [[nodiscard]] std::vector<WeightStatistics> statistics() const {
    return statistics(raw_statistics().to_vector<double>());
  }
  /// The same as updates write them, float64, on the parameters' device; and what such values on the host mean.
  [[nodiscard]] const Tensor& raw_statistics() const { return statistics_; }
  [[nodiscard]] std::vector<WeightStatistics> statistics(std::span<const double> raw) const;
  /// Moves the statistics: updates from now on write them to `place`, of raw_statistics' shape and type. So a caller
  /// can read them with other results, in one transfer. For a Step before it is recorded. Throws ShapeError.
  void keep_statistics_in(const Tensor& place);

  [[nodiscard]] const OptimizerConfig& config() const { return config_; }
  /// One per row, infinite where it is not clipped.
  [[nodiscard]] const std::vector<double>& bounds() const { return bounds_; }
  /// The rule's place in kernels/update_rules, and its numbers, for kernels that update by themselves.
  [[nodiscard]] int rule() const;
  [[nodiscard]] UpdateSettings settings() const;
  /// Sets the number of updates that are done, after such a kernel, and measures the weights.
  void updated_elsewhere(int64_t updates);
  /// Of the updates from now on; config() then holds it. Also in replays.
  void set_learning_rate(double rate);
  /// For checkpoints: "adam.m", "adam.v", "rmsprop.v" arenas, and the step number (int64 []).
  [[nodiscard]] const std::vector<std::pair<std::string, Arena>>& state() const { return state_; }
  [[nodiscard]] const Tensor& step() const { return step_; }

 private:
  OptimizerConfig config_;
  Arena parameters_;
  std::vector<double> bounds_;
  std::vector<std::pair<std::string, Arena>> state_;
  Tensor step_, learning_rate_, histograms_, statistics_;
  std::shared_ptr<const ArenaUpdate> update_, clip_;
};

}  // namespace kantor
