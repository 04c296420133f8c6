#include "models/training/run.h"

#include "models/training/config_toml.h"
#include "models/training/memory.h"
#include "models/training/networks.h"
#include "models/training/training_run.h"

#include <map>
#include <set>
#include <tuple>

namespace kantor {

void check_runs(const std::vector<RunConfig>& configs, Device device) {
  std::map<std::tuple<std::string, std::string, int64_t>, DatasetPtr> opened;
  std::set<std::string> checked;
  for (RunConfig config : configs) {
    config.seed = 0;  // runs that differ in it alone are checked once
    if (!checked.insert(to_toml(config)).second) continue;
    DatasetPtr& data = opened[{config.data.kind, config.data.path, config.data.length}];
    if (!data) data = open_dataset(config.data);
    check_trainable(config, *data);
    check_memory(config, *data, device);
  }
}

RunResult train(const RunConfig& config, const RunOptions& options) {
  TrainingRun run(config, options);
  run.begin();
  while (!run.has_ended()) run.step(run.steps_at_once());
  return run.finish();
}

}  // namespace kantor
