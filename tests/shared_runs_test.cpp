// Runs of studies that share launches, on `sim`: the numbers of their single runs, and what becomes of those that are
// stopped, diverge, fail or are held elsewhere.
#include "models/data/open_dataset.h"
#include "models/files/folder_lock.h"
#include "models/studies/framework/arms.h"
#include "models/studies/framework/curve_run.h"
#include "models/studies/framework/estimate.h"
#include "models/studies/framework/run_folder.h"
#include "models/studies/framework/runner.h"
#include "models/training/fused_training.h"
#include "models/training/probe.h"
#include "models/training/shared_launches.h"
#include "models/training/trainer.h"
#include "tests/program.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

using namespace kantor;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr Device simulator{Device::Kind::sim, 0};

/// A training in the plane. The arm "failing" cannot be measured, and the times of "timed" are.
class PlantedRun final : public PlaneRun {
 public:
  PlantedRun(const json& settings, const RunPlace& place)
      : PlaneRun(config_of(settings), place, 2), arm_(settings.at("arm").get<std::string>()) {}
  [[nodiscard]] bool is_timed() const override { return arm_ == "timed"; }
  [[nodiscard]] json numbers(const TrainingCurve& curve) override {
    if (arm_ == "failing") throw Error("no numbers");
    return {{"w1", curve.along("w1")}, {"steps", curve.steps}, {"diverged", curve.diverged}, {"floor", floor()}};
  }

 private:
  std::string arm_;
};

/// A critic alone.
class PlantedCritic final : public FrozenRun {
 public:
  PlantedCritic(const json& settings, const RunPlace& place)
      : FrozenRun({config_of(settings), integer(settings, "steps"), 3}, place) {}
  [[nodiscard]] json evaluate() override {
    return wasserstein_estimate(critic(), evaluation_samples(*data().real, seed(), 64, critic().options()),
                                evaluation_samples(*data().fake, seed(), 64, critic().options()));
  }
  [[nodiscard]] json numbers(const TrainingCurve& curve) override {
    return {{"estimates", curve.along()}, {"steps", curve.steps}, {"loss", trainer().losses().critic_loss}};
  }
};

Study planted(std::vector<Arm> arms) {
  const auto run = [](const json&, Device, const fs::path&) -> json { return {{"kind", "another"}}; };
  const auto conclude = [](const std::vector<Outcome>& all, const StudySettings&) {
    return Conclusion{.method = {std::to_string(all.size()) + " outcomes"}};
  };
  const auto curve_run = [](const json& settings, const RunPlace& place) -> std::unique_ptr<CurveRun> {
    if (settings.at("arm") == "another") return nullptr;
    if (settings.contains("steps")) return std::make_unique<PlantedCritic>(settings, place);
    return std::make_unique<PlantedRun>(settings, place);
  };
  return {"planted", "Planted", "A claim.", [arms](const StudySettings&) { return arms; }, run, conclude, curve_run};
}

json small(int steps) {
  return {{"data.kind", "gaussians8"},  {"train.batch", 12},  {"train.critic_steps", 2}, {"train.steps", steps},
          {"critic.width", 16},         {"critic.depth", 2},  {"generator.width", 16},   {"generator.depth", 2},
          {"critic.optimizer", "adam"}, {"eval.samples", 32}, {"eval.every", 2}};
}

std::vector<Arm> arms() {
  json short_clip = clipped(small(5), 0.1, 5e-4), deep = penalised(small(6), 0.1, 1e-3);
  deep["critic.depth"] = 3;
  return {{.name = "penalty", .config = penalised(small(6), 0.1, 1e-3)},
          {.name = "clip", .config = short_clip},
          {.name = "deep", .config = deep}};
}

/// Runs a planted study in `out`; the folders of runs that became processes are added to `processes`.
RunnerResult run(const Study& study, const fs::path& out, std::vector<std::string>& processes,
                 const std::function<void(RunnerOptions&)>& change = {}) {
  RunnerOptions options;
  options.out = out;
  options.settings.seeds = 2;
  options.devices = {"sim:0", "sim:1"};
  options.device = "sim:0";
  options.command = [&](const Study& s, const fs::path& folder, const std::string&) -> std::vector<std::string> {
    processes.push_back(folder.filename().string());
    try {
      execute_run(s, simulator, folder);
    } catch (const Error&) {
      return {"/bin/false"};
    }
    return {"/bin/true"};
  };
  if (change) change(options);
  return run_studies({&study}, options);
}

json result_of(const fs::path& out, const std::string& id) {
  return json::parse(text_of(out / "planted/runs" / id / "result.json"));
}

/// Two steps of a training, in a launch each.
class TwoSteps final : public LaunchMember {
 public:
  TwoSteps(const RunConfig& config, bool breaks, std::string& outcome)
      : trainer_(config, open_dataset(config.data), simulator, true, {Fused::on}), breaks_(breaks), outcome_(outcome) {}
  FusableTraining& training() override { return trainer_; }
  void begin() override {}
  [[nodiscard]] bool has_ended() const override { return trainer_.steps_done() == 2; }
  [[nodiscard]] int64_t steps_at_once() const override {
    if (breaks_ && trainer_.steps_done() == 1) throw Error("no launch");
    return 1;
  }
  void take(const MlpOutcome& outcome, const LaunchTime& /*time*/) override { trainer_.take(outcome); }
  void end() override { outcome_ = "ended"; }

 private:
  Trainer trainer_;
  bool breaks_;
  std::string& outcome_;
};

}  // namespace

TEST_CASE("shared runs: a launch that fails ends the trainings in it, and no other") {
  std::vector<LaunchLane> lanes = launch_lanes({"cpu", "sim:0"});
  REQUIRE(lanes.size() == 1);
  std::vector<std::string> outcomes(3);
  for (size_t i = 0; i < outcomes.size(); ++i) {
    RunConfig config = config_of({{"config", penalised(small(2), 0.1, 1e-3)}, {"seed", 1}});
    if (i == 2) config.batch = 8;  // another launch
    LaunchEntry entry;
    entry.launch = fused_launch(TwoSteps(config, false, outcomes[i]).training().fused_model());
    entry.make = [config, i, &outcomes] { return std::make_unique<TwoSteps>(config, i == 1, outcomes[i]); };
    entry.on_failure = [i, &outcomes](const std::string& why) { outcomes[i] = why; };
    lanes.front().entries.push_back(std::move(entry));
  }
  CHECK(share_launches(lanes) == 1 + 2);
  CHECK(outcomes == std::vector<std::string>{"no launch", "no launch", "ended"});
}

TEST_CASE("shared runs: runs that share launches have the numbers of their single runs") {
  const ProgramFolder folder;
  const Study study = planted(arms());
  std::vector<std::string> none, shown;
  const RunnerResult together = run(study, folder.path / "together", none, [&](RunnerOptions& options) {
    options.on_run = [&](const RunnerOptions::Progress& p) {
      CHECK(p.failure.empty());
      CHECK(p.all == 6);
      shown.push_back(p.id);
      CHECK(p.done == shown.size());
    };
  });
  CHECK(none.empty());
  CHECK(shown.size() == 6);
  CHECK(together.shared.runs == 6);
  CHECK(together.failed == 0);
  CHECK_FALSE(together.interrupted);
  std::vector<std::string> processes;
  const RunnerResult alone =
      run(study, folder.path / "alone", processes, [](RunnerOptions& options) { options.together = false; });
  CHECK(processes.size() == 6);
  CHECK(alone.shared.runs == 0);
  for (const StudyRun& one : study.runs({.seeds = 2})) {
    INFO(one.id);
    const json found = result_of(folder.path / "together", one.id), expected = result_of(folder.path / "alone", one.id);
    CHECK(found["numbers"] == expected["numbers"]);
    CHECK(found["numbers"]["steps"].back() == (one.settings["arm"] == "clip" ? 4 : 6));
    CHECK(found["settings"] == expected["settings"]);
    CHECK(found["seconds"].get<double>() > 0);
    CHECK(found["cpu_seconds"].get<double>() > 0);
  }
  CHECK(json::parse(text_of(folder.path / "together/planted/result.json"))["method"] == json::array({"6 outcomes"}));
  CHECK(together.shared.launches <= 4 * 6);  // by two devices, two kinds each, where single runs have 34 steps
}

TEST_CASE("shared runs: critics alone share launches, and one that diverges is a result without numbers") {
  const ProgramFolder folder;
  json wild = small(1);
  wild.update({{"critic.constraint", "none"}, {"critic.optimizer", "sgd"}, {"critic.learning_rate", 1e12}});
  const Study study = planted({{.name = "penalty", .config = penalised(small(1), 10, 1e-3), .more = {{"steps", 7}}},
                               {.name = "clip", .config = clipped(small(1), 0.1, 5e-4), .more = {{"steps", 2}}},
                               {.name = "wild", .config = wild, .more = {{"steps", 40}}}});
  std::vector<std::string> none, processes;
  const RunnerResult together = run(study, folder.path / "together", none);
  CHECK(none.empty());
  CHECK(together.shared.runs == 6);
  CHECK(together.diverged == 2);
  run(study, folder.path / "alone", processes, [](RunnerOptions& options) { options.together = false; });
  CHECK(processes.size() == 6);
  for (const StudyRun& one : study.runs({.seeds = 2})) {
    INFO(one.id);
    const json found = result_of(folder.path / "together", one.id), expected = result_of(folder.path / "alone", one.id);
    CHECK(found.value("numbers", json()) == expected.value("numbers", json()));
    CHECK(found.value("diverged", "") == expected.value("diverged", ""));
    CHECK(found.contains("diverged") == (one.settings["arm"] == "wild"));
    if (one.settings["arm"] == "clip") CHECK(found["numbers"]["steps"] == json({0, 0, 1, 2}));
  }
}

TEST_CASE("shared runs: a stop leaves what is finished, and the same call goes on") {
  const ProgramFolder folder;
  std::vector<Arm> unequal = arms();
  unequal.resize(2);
  unequal[1].config["train.steps"] = 60;  // is running when the first ends
  const Study study = planted(unequal);
  std::vector<std::string> processes;
  size_t ended = 0;
  const RunnerResult stopped = run(study, folder.path, processes, [&](RunnerOptions& options) {
    options.devices = {"sim"};
    options.on_run = [&](const RunnerOptions::Progress&) { ++ended; };
    options.should_stop = [&] { return ended == 2; };
  });
  CHECK(stopped.interrupted);
  CHECK(processes.empty());
  CHECK_FALSE(fs::exists(folder.path / "planted/result.json"));
  CHECK_FALSE(fs::exists(folder.path / "planted/runs/clip-1/result.json"));
  const std::string before = text_of(folder.path / "planted/runs/penalty-1/result.json");
  unequal[1].config["train.steps"] = 5;
  const RunnerResult resumed = run(planted(unequal), folder.path, processes);
  CHECK_FALSE(resumed.interrupted);
  CHECK(resumed.shared.runs == 2);
  CHECK(text_of(folder.path / "planted/runs/penalty-1/result.json") == before);
  CHECK(fs::exists(folder.path / "planted/result.json"));
}

TEST_CASE("shared runs: divergence is a result, a failure is left to a process, and so is what is held elsewhere") {
  const ProgramFolder folder;
  std::vector<Arm> all = arms();
  all.resize(1);
  json wild = small(40);
  wild.update({{"critic.constraint", "none"}, {"critic.optimizer", "sgd"}, {"critic.learning_rate", 1e12}});
  all.push_back({.name = "wild", .config = wild});
  all.push_back({.name = "failing", .config = small(4)});
  all.push_back({.name = "timed", .config = small(4)});
  all.push_back({.name = "another", .config = small(4)});
  json wide = small(2);
  wide["critic.norm"] = "layer";
  all.push_back({.name = "not-fused", .config = wide});
  const Study study = planted(all);
  fs::create_directories(folder.path / "planted/runs/penalty-2");
  const FolderLock held(folder.path / "planted/runs/penalty-2");
  std::vector<std::string> processes;
  const RunnerResult result = run(study, folder.path, processes);
  std::sort(processes.begin(), processes.end());
  CHECK(processes ==
        std::vector<std::string>{"another-1", "another-2", "failing-1", "failing-2", "not-fused-1", "not-fused-2"});
  CHECK(result.failed == 2);
  CHECK(result.elsewhere == 1);
  CHECK(result.shared.runs == 8);
  CHECK(result_of(folder.path, "wild-1")["numbers"]["diverged"] == true);
  CHECK(result_of(folder.path, "timed-1")["numbers"]["steps"] == json({0, 2, 4}));
  CHECK(result_of(folder.path, "another-1")["numbers"]["kind"] == "another");
}

TEST_CASE("shared runs: an estimate counts what shares launches, and is computed from steps that were timed") {
  std::vector<Arm> all = arms();
  all.push_back({.name = "timed", .config = small(4)});
  all.push_back({.name = "another", .config = small(4)});
  json recorded = small(4);
  recorded["critic.norm"] = "layer";
  all.push_back({.name = "recorded", .config = recorded});
  const StudyEstimate found = estimate_study(planted(all), {.seeds = 2}, simulator);
  CHECK(found.shared == 6);
  CHECK(found.alone == 4);
  CHECK(found.unknown == 2);
  std::vector<Arm> longer{all[0]}, shorter{all[0]};
  longer[0].config["train.steps"] = 6000;
  const double few = estimate_study(planted(shorter), {.seeds = 1}, simulator).seconds;
  CHECK(few > 0);
  CHECK(estimate_study(planted(longer), {.seeds = 1}, simulator).seconds > 50 * few);  // 1000 times, to the clock
}
