// Trainings of small fully connected WGANs in one launch, on `cuda` and `sim` (kernels/mlp_training.h): the memory that
// a launch needs, and how many blocks a model gets.
#pragma once

#include "engine/optimizer.h"
#include "kernels/mlp_training.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace kantor {

/// What a launch did to one model.
struct MlpOutcome {
  int64_t done = 0;           // iterations; fewer than asked for after one whose weights or losses are not finite
  std::vector<float> losses;  // [iterations, 4]: critic's loss, generator's loss, estimate, penalty
};

/// Trains models of the same shapes side by side, each by a team of blocks.
class MlpTrainer {
 public:
  /// `team`: blocks a model, 0: as many as are useful and fit; `cluster`: how many of them are a cluster, 0: chosen, 1:
  /// there are none. Throws DeviceError for the CPU, and KernelError for networks that no kernel holds (see fits), or
  /// clusters that do not divide the team.
  MlpTrainer(Device device, const MlpTraining& training, int team = 0, int cluster = 0);

  /// Whether a kernel holds these networks, and multiplies in the training's arithmetic on this device.
  static bool fits(Device device, const MlpTraining& training);
  /// Why not, for networks that a kernel knows: the memory that they take, and what there is, or that there are no
  /// tensor cores for the training's arithmetic; "" where it does.
  static std::string why_not(Device device, const MlpTraining& training);
  /// Whether the device, and the code that runs on it, know clusters.
  static bool has_clusters(Device device);
  /// Models that are worth training at once on this device: one for each multiprocessor.
  static int most_models(Device device);
  [[nodiscard]] int team() const { return training_.team; }
  [[nodiscard]] int cluster() const { return training_.cluster; }
  /// Whether the blocks of a cluster load weights together, as the training asked for.
  [[nodiscard]] bool multicast() const { return training_.multicast; }
  /// `iterations` of every model; losses and done of the models are set here. Updates and losses are in the models'
  /// arrays when it returns. Throws KernelError where a block did not come to a barrier of its team.
  std::vector<MlpOutcome> run(int iterations, std::vector<MlpModel> models);

 private:
  Device device_;
  MlpTraining training_;
  MlpPlan plan_;
  Tensor workspace_;
};

/// The blocks a model that leave each the fewest rows of tiles, of those that are resident at once with the blocks of
/// the other models; among equals one that clusters divide, then the smallest, since more blocks only wait for each
/// other. `plan_of`: a training's plan, given its team; `resident`: blocks of a plan that are resident at once.
int least_loaded_team(MlpTraining training, const std::function<MlpPlan(const MlpTraining&)>& plan_of,
                      const std::function<int(const MlpPlan&)>& resident);

/// A network as a launch sees it: its arena and its optimizer's state, without scalars and average.
MlpNetwork mlp_network(const Arena& parameters, const Optimizer& optimizer);
/// The scalars of `count` updates after `done`, [count, 3] on the device.
Tensor update_scalars(const Optimizer& optimizer, int64_t done, int64_t count);

}  // namespace kantor
