// Launches that several trainings share, many models each (fused_training.h), until the last has ended. Each has the
// bits that it has alone.
#pragma once

#include "engine/device.h"
#include "engine/mlp_training.h"
#include "models/training/fusable_training.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace kantor {

/// How long a launch took, also in time of processors, and how many models it trained.
struct LaunchTime {
  double seconds = 0, cpu_seconds = 0;
  size_t models = 1;
};

/// One of the trainings, and what is due between its launches. What a function of one throws ends that one alone.
class LaunchMember {
 public:
  virtual ~LaunchMember() = default;
  [[nodiscard]] virtual FusableTraining& training() = 0;
  /// Before its first launch.
  virtual void begin() = 0;
  [[nodiscard]] virtual bool has_ended() const = 0;
  /// How many steps may be done before something is due: the launch has the fewest of its members.
  [[nodiscard]] virtual int64_t steps_at_once() const = 0;
  /// Takes what a launch has done, and does what is due.
  virtual void take(const MlpOutcome& outcome, const LaunchTime& time) = 0;
  /// After the last launch.
  virtual void end() = 0;
};

/// A training that is to be done.
struct LaunchEntry {
  MlpTraining launch;  // fused_launch of its model: those of equal ones share launches
  bool alone = false;  // but for this one, whose time is measured
  /// Builds it when its turn has come; null where it is not to be done any more.
  std::function<std::unique_ptr<LaunchMember>()> make;
  /// Why it could not be made, or go on.
  std::function<void(const std::string& why)> on_failure;
};

/// A device with kernels, by the name that it was given, and its trainings.
struct LaunchLane {
  std::string name;
  Device device;
  std::vector<LaunchEntry> entries = {};
};
/// A lane for each device of the list that has kernels; `names` as find_device takes them.
std::vector<LaunchLane> launch_lanes(const std::vector<std::string>& names);

/// Trains them, each device on a thread of its own: the like ones together, as many at once as the device has blocks
/// for. A launch that fails ends the trainings in it, which are told, and no other. Returns the launches.
int64_t share_launches(const std::vector<LaunchLane>& lanes);

}  // namespace kantor
