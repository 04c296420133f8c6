// Slow: how long a clipped critic takes to settle, by c, and how long a generator takes to reach the data, under
// clipping and under the penalty with the same optimizer (Arjovsky et al. 2017, section 3; Gulrajani et al. 2017,
// section 5). The loss landscape is a part of it (landscape.h).
#include "models/metrics/histogram.h"
#include "models/studies/framework/arms.h"
#include "models/studies/framework/curve_run.h"
#include "models/studies/framework/outcomes.h"
#include "models/studies/framework/text.h"
#include "models/studies/slow/landscape.h"
#include "models/studies/slow/landscape_probe.h"
#include "models/studies/slow/text.h"
#include "models/training/probe.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace kantor::slow {
namespace {

using nlohmann::json;

constexpr double goal = 2;       // floors of W1 that count as having reached the data
constexpr double settled = 0.9;  // of its own plateau
constexpr int evaluations = 60;  // of a critic's training
constexpr int64_t probes = 1024;
constexpr int floor_pairs = 8;

json common_critic(const StudySettings& s) {
  return {{"critic.width", s.pick(16, 128, 512)}, {"train.batch", s.pick(16, 256, 256)}};
}

/// Critics alone, by c.
std::vector<Arm> critic_arms(const StudySettings& s) {
  json common = common_critic(s);
  common["data.kind"] = "swissroll";
  const json more{{"critic_steps", s.pick(60, 2400, 10000)}};
  return {{"critic-0.001", "c = 0.001", colours::pink, clipped(common, 0.001, 5e-4), more},
          {"critic-0.01", "c = 0.01", colours::vermilion, clipped(common, 0.01, 5e-4), more},
          {"critic-0.1", "c = 0.1", colours::orange, clipped(common, 0.1, 5e-4), more},
          {"critic-1", "c = 1", colours::green, clipped(common, 1, 5e-4), more}};
}

/// Whole trainings, all of them by RMSProp.
std::vector<Arm> gan_arms(const StudySettings& s) {
  const int steps = s.pick(8, 1500, 20000);
  json common = common_critic(s);
  common.update({{"data.kind", "gaussians8"},
                 {"critic.optimizer", "rmsprop"},
                 {"generator.width", s.pick(16, 128, 512)},
                 {"train.steps", steps},
                 {"eval.every", std::max(1, steps / 20)},
                 {"eval.samples", s.pick(32, 512, 1024)}});
  std::vector<Arm> arms{
      {"gan-clip-0.01", "clipping, c = 0.01", colours::vermilion, both_networks(clipped(common, 0.01, 5e-4))},
      {"gan-clip-0.1", "clipping, c = 0.1", colours::orange, both_networks(clipped(common, 0.1, 5e-4))},
      {"gan-penalty", "penalty, lambda 0.1", colours::blue, both_networks(penalised(common, 0.1, 5e-4))}};
  add_further(arms, "gan-penalty", s, "gan-");
  return arms;
}

std::vector<Arm> all_arms(const StudySettings& s) {
  std::vector<Arm> all = critic_arms(s);
  for (Arm& arm : gan_arms(s)) all.push_back(std::move(arm));
  for (Arm& arm : landscape_arms(s)) all.push_back(std::move(arm));
  return all;
}

/// A critic alone: when its estimate has reached 90 % of its final value, and how steep it is then.
class SettleRun final : public FrozenRun {
 public:
  SettleRun(const json& settings, const RunPlace& place)
      : FrozenRun({config_of(settings), integer(settings, "critic_steps"), evaluations}, place) {}

  void prepare() override {
    real_ = evaluation_samples(*data().real, seed(), probes, critic().options());
    fake_ = evaluation_samples(*data().fake, seed(), probes, critic().options());
  }

  [[nodiscard]] json evaluate() override { return wasserstein_estimate(critic(), real_, fake_); }

  [[nodiscard]] json numbers(const TrainingCurve& curve) override {
    const double plateau = curve.late_mean(evaluations / 10);
    std::vector<double> share;
    auto settling = static_cast<double>(curve.steps.back());
    bool is_settled = false;
    const std::vector<double> estimates = curve.along();
    for (size_t i = 0; i < estimates.size(); ++i) {
      share.push_back(plateau > 0 ? estimates[i] / plateau : std::nan(""));
      if (is_settled || estimates[i] < settled * plateau) continue;
      is_settled = true;
      settling = std::max(1.0, static_cast<double>(curve.steps[i]));
    }
    const std::vector<double> norms = gradient_norms(critic(), fake_);
    return {{"steps_to_settle", settling},
            {"log_settle", std::log10(settling)},
            {"plateau", plateau},
            {"norm", summarize(std::span<const double>(norms)).mean},
            {"curve", {{"x", curve.steps}, {"y", share}}}};
  }

 private:
  Tensor real_, fake_;
};

/// A whole training: when its W1 has come to the goal, by steps and by time.
class ApproachRun final : public PlaneRun {
 public:
  ApproachRun(const json& settings, const RunPlace& place) : PlaneRun(config_of(settings), place, floor_pairs) {}

  [[nodiscard]] bool is_timed() const override { return true; }
  [[nodiscard]] json numbers(const TrainingCurve& curve) override {
    auto steps_to_goal = static_cast<double>(trainer().config().steps);
    bool reached = false;
    std::vector<double> floors;
    for (const double w1 : curve.along("w1")) {
      const auto step = static_cast<double>(curve.steps[floors.size()]);
      floors.push_back(w1 / floor());
      if (reached || w1 > goal * floor()) continue;
      reached = true;
      steps_to_goal = std::max(1.0, step);
    }
    return {{"diverged", curve.diverged},
            {"reached", reached ? 1 : 0},
            {"steps_to_goal", steps_to_goal},
            {"log_goal", std::log10(steps_to_goal)},
            {"seconds_to_goal", steps_to_goal * curve.milliseconds / 1e3},
            {"milliseconds", curve.milliseconds},
            {"log_milliseconds", std::log10(std::max(curve.milliseconds, 1e-6))},
            {"floors", curve.late_mean(3, "w1") / floor()},
            {"curve", {{"x", curve.steps}, {"y", floors}}}};
  }
};

std::unique_ptr<CurveRun> curve_run(const json& settings, const RunPlace& place) {
  if (settings.contains("landscape")) return nullptr;
  if (settings.contains("critic_steps")) return std::make_unique<SettleRun>(settings, place);
  return std::make_unique<ApproachRun>(settings, place);
}

std::vector<Finding> findings(const std::vector<Outcome>& all, const StudySettings& s) {
  const Reference fewer{"the penalty needs fewer steps", text::penalty_source};
  std::vector<Finding> result{
      judge("decades of steps until the critic settles, c = 1 minus c = 0.01",
            differences(all, "critic-1", "critic-0.01", "log_settle"), {.low = std::log10(2)}, s.needed(),
            {"a large c takes longer", text::clipping_source}),
      judge("decades of steps to the data, clipping (c = 0.1) minus penalty",
            differences(all, "gan-clip-0.1", "gan-penalty", "log_goal"), {.low = 0}, s.needed(), fewer),
      judge("decades of steps to the data, clipping (c = 0.01) minus penalty",
            differences(all, "gan-clip-0.01", "gan-penalty", "log_goal"), {.low = 0}, s.needed(), fewer),
      judge("decades of time a step, penalty minus clipping (c = 0.1)",
            differences(all, "gan-penalty", "gan-clip-0.1", "log_milliseconds"), {.low = 0}, s.needed(),
            {"dearer; by products 1.6 times, 0.2 decades", text::products_source})};
  for (const Arm& arm : critic_arms(s)) {
    const bool smallest = arm.name == "critic-0.001";
    result.push_back(
        observe("steps until the critic settles, " + arm.label, values_of(all, arm.name, "steps_to_settle")));
    result.push_back(observe("its mean gradient norm, " + arm.label, values_of(all, arm.name, "norm"),
                             smallest ? Reference{"vanishes", text::clipping_source} : Reference{}));
  }
  for (const Arm& arm : gan_arms(s)) {
    const auto add = [&](const char* what, const char* key) {
      result.push_back(observe(what + (", " + arm.label), values_of(all, arm.name, key)));
    };
    add("steps to the data", "steps_to_goal");
    add("share of the trainings that got there", "reached");
    add("ms a step", "milliseconds");
    add("W1 in floors at the end", "floors");
  }
  return result;
}

std::vector<Figure> figures(const std::vector<Outcome>& all, const StudySettings& s) {
  Chart settling{.title = "How a clipped critic settles",
                 .x_label = "critic steps",
                 .y_label = "estimate / its own plateau",
                 .marks = {{settled, "settled"}}};
  Chart steepness{.kind = Chart::Kind::bars,
                  .title = "How steep it is then",
                  .x_label = "clipping range",
                  .y_label = "mean gradient norm",
                  .log_y = true,
                  .marks = {{1, "1"}}};
  Series norms{"mean gradient norm", colours::vermilion, {}, {}};
  for (const Arm& arm : critic_arms(s)) {
    settling.series.push_back(mean_curve(all, arm, "curve"));
    steepness.categories.push_back(arm.label);
    add_point(norms, values_of(all, arm.name, "norm"));
  }
  steepness.series = {norms};
  Chart by_steps{.title = "W1 from the data, by steps",
                 .x_label = "generator steps",
                 .y_label = "W1 in floors",
                 .log_y = true,
                 .marks = {{goal, "the data are reached"}}};
  Chart by_time = by_steps;
  by_time.title = "W1 from the data, by time";
  by_time.x_label = "seconds of training";
  for (const Arm& arm : gan_arms(s)) {
    by_steps.series.push_back(mean_curve(all, arm, "curve"));
    Series timed = by_steps.series.back();  // the same points, at the mean time of a step
    const auto milliseconds = values_of(all, arm.name, "milliseconds");
    const double each = milliseconds.empty() ? 0 : confidence_interval(milliseconds).mean / 1e3;
    for (double& x : timed.x) x *= each;
    by_time.series.push_back(timed);
  }
  return {{"settling.svg", text::settling_caption, settling},
          {"steepness.svg", text::steepness_caption, steepness},
          {"by-steps.svg", text::by_steps_caption, by_steps},
          {"by-time.svg", text::by_time_caption, by_time}};
}

std::vector<std::string> method(const StudySettings& s) {
  const Arm critic = find_arm(critic_arms(s), "critic-0.01"), gan = find_arm(gan_arms(s), "gan-penalty");
  return {fill(text::method_critics, arg("width", integer(critic.config, "critic.width")),
               arg("steps", integer(critic.more, "critic_steps")), arg("batch", integer(critic.config, "train.batch")),
               arg("probes", probes), arg("evaluations", evaluations), arg("settled", settled)),
          fill(text::method_generators, arg("width", integer(gan.config, "generator.width")),
               arg("batch", integer(gan.config, "train.batch")), arg("steps", integer(gan.config, "train.steps")),
               arg("samples", integer(gan.config, "eval.samples")), arg("goal", goal))};
}

std::vector<std::string> meaning(const std::vector<Outcome>& all) {
  const auto told = [&](const char* arm, const char* key) { return say(all, arm, key); };
  const auto to_settle = [&](const char* arm) { return told(arm, "steps_to_settle"); };
  const auto norm = [&](const char* arm) { return told(arm, "norm"); };
  return {
      fill(text::meaning_critics, arg("steps_0_001", to_settle("critic-0.001")),
           arg("steps_0_01", to_settle("critic-0.01")), arg("steps_0_1", to_settle("critic-0.1")),
           arg("steps_1", to_settle("critic-1")), arg("norm_0_001", norm("critic-0.001")),
           arg("norm_0_01", norm("critic-0.01")), arg("norm_0_1", norm("critic-0.1")), arg("norm_1", norm("critic-1"))),
      fill(text::meaning_generators, arg("goal", goal), arg("penalty_steps", told("gan-penalty", "steps_to_goal")),
           arg("wide_steps", told("gan-clip-0.1", "steps_to_goal")),
           arg("narrow_steps", told("gan-clip-0.01", "steps_to_goal")),
           arg("penalty_ms", told("gan-penalty", "milliseconds")), arg("wide_ms", told("gan-clip-0.1", "milliseconds")),
           arg("narrow_ms", told("gan-clip-0.01", "milliseconds")),
           arg("penalty_seconds", told("gan-penalty", "seconds_to_goal")),
           arg("wide_seconds", told("gan-clip-0.1", "seconds_to_goal")),
           arg("narrow_seconds", told("gan-clip-0.01", "seconds_to_goal")))};
}

Conclusion conclude(const std::vector<Outcome>& all, const StudySettings& s) {
  Conclusion result{.method = method(s),
                    .findings = findings(all, s),
                    .figures = figures(all, s),
                    .meaning = meaning(all),
                    .limits = {text::limit_one_optimizer, text::limit_times}};
  append(result, conclude_landscape(all, s));
  return result;
}

}  // namespace

Study study() {
  return {"slow", text::title, text::claim, all_arms, measure_landscape, conclude, curve_run};
}

}  // namespace kantor::slow
