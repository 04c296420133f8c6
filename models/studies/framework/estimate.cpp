#include "models/studies/framework/estimate.h"

#include "models/studies/framework/curve_run.h"
#include "models/training/fused_training.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace kantor {
namespace {

using nlohmann::json;

constexpr double enough = 0.25;  // seconds that are timed

/// Seconds of `all` steps, by some of them; steps(n) does n, and the first ones warm up. nullopt where they diverge.
std::optional<double> seconds_of(int64_t all, const std::function<void(int64_t)>& steps) {
  try {
    steps(3);
    for (int64_t count = 1;; count *= 2) {
      const auto start = std::chrono::steady_clock::now();
      steps(count);
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      if (seconds >= enough) return seconds / static_cast<double>(count) * static_cast<double>(all);
    }
  } catch (const NonFiniteError&) {
    return std::nullopt;
  }
}

using Runs = std::vector<std::unique_ptr<CurveRun>>;

/// Runs of one launch.
std::optional<double> seconds_together(const Runs& runs, Device device) {
  std::vector<FusedModel> models;
  int64_t longest = 0;
  for (const auto& run : runs) {
    models.push_back(run->training().fused_model());
    longest = std::max(longest, run->schedule().steps);
  }
  FusedTraining training(models, device);
  return seconds_of(longest, [&](int64_t count) {
    std::vector<FusedSamples> samples;
    std::vector<FusedInput> inputs;
    for (const auto& run : runs) samples.push_back(run->training().next_samples(count));
    for (size_t m = 0; m < runs.size(); ++m) {
      inputs.push_back({runs[m]->training().steps_done(), samples[m].real, samples[m].fake});
    }
    const auto outcomes = training.run(count, inputs);
    for (size_t m = 0; m < runs.size(); ++m) runs[m]->training().take(outcomes[m]);
  });
}

std::optional<double> seconds_alone(CurveRun& run) {
  return seconds_of(run.schedule().steps, [&](int64_t count) { run.training().steps(count); });
}

}  // namespace

StudyEstimate estimate_study(const Study& study, const StudySettings& settings, Device device, Fused fused) {
  StudyEstimate estimate;
  std::vector<std::pair<MlpTraining, Runs>> groups;
  std::vector<std::pair<json, std::optional<double>>> known;  // of trainings that are alike but for their seed
  for (const StudyRun& one : study.runs(settings)) {
    auto run = study.curve_run ? study.curve_run(one.settings, {device, {}, fused}) : nullptr;
    if (!run) {
      ++estimate.unknown;
    } else if (run->training().fused_team() > 0 && !run->is_timed()) {
      const MlpTraining launch = fused_launch(run->training().fused_model());
      const auto found = std::find_if(groups.begin(), groups.end(), [&](const auto& group) {
        return group.first == launch && group.second.size() < static_cast<size_t>(MlpTrainer::most_models(device));
      });
      auto& group = found == groups.end() ? groups.emplace_back(launch, Runs{}) : *found;
      group.second.push_back(std::move(run));
    } else {
      json like = one.settings;
      like.erase("seed");
      auto found = std::find_if(known.begin(), known.end(), [&](const auto& entry) { return entry.first == like; });
      if (found == known.end()) found = known.insert(known.end(), {like, seconds_alone(*run)});
      ++(found->second ? estimate.alone : estimate.unknown);
      estimate.seconds += found->second.value_or(0);
    }
  }
  for (const auto& [launch, runs] : groups) {
    const std::optional<double> seconds = seconds_together(runs, device);
    (seconds ? estimate.shared : estimate.unknown) += runs.size();
    estimate.seconds += seconds.value_or(0);
  }
  return estimate;
}

}  // namespace kantor
