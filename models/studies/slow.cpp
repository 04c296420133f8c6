// Slow: how long a clipped critic takes to settle, by c, and how long a generator takes to reach the data, under
// clipping and under the penalty with the same optimizer (Arjovsky et al. 2017, section 3; Gulrajani et al. 2017,
// section 5).
#include "engine/op.h"
#include "models/metrics/histogram.h"
#include "models/studies/all.h"
#include "models/studies/arms.h"
#include "models/studies/course.h"
#include "models/studies/held.h"
#include "models/studies/landscape_arms.h"
#include "models/studies/landscape_probe.h"
#include "models/training/probe.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace kantor {
namespace {

using nlohmann::json;

constexpr double goal = 2;       // floors of W1 that count as having reached the data
constexpr double settled = 0.9;  // of its own plateau
constexpr int moments = 60;      // of a critic's training
constexpr int64_t probes = 1024;

const std::vector<ArmText> critics{{"critic-0.001", "c = 0.001", 3},
                                   {"critic-0.01", "c = 0.01", 0},
                                   {"critic-0.1", "c = 0.1", 4},
                                   {"critic-1", "c = 1", 2}};
const std::vector<ArmText> trainings{{"gan-clip-0.01", "clipping, c = 0.01", 0},
                                     {"gan-clip-0.1", "clipping, c = 0.1", 4},
                                     {"gan-penalty", "penalty, lambda 0.1", 1}};

class Slow final : public Study {
 public:
  [[nodiscard]] std::string name() const override { return "slow"; }
  [[nodiscard]] std::string title() const override { return "Training under clipping is slow"; }
  [[nodiscard]] std::string claim() const override {
    return "With a large c the weights need long to reach their limits and the critic to settle; with a small one its "
           "gradients are weak. The gradient penalty reaches the data in fewer steps with the same optimizer, though "
           "each of its steps costs more. Under clipping the loss surface is said to be distorted.";
  }
  [[nodiscard]] std::vector<StudyRun> runs(const StudySettings& s) const override;
  [[nodiscard]] json run(const json& settings, Device device, const std::filesystem::path&) const override;
  [[nodiscard]] Conclusion conclude(const std::vector<Outcome>& all, const StudySettings& s) const override;

 private:
  [[nodiscard]] std::vector<std::string> method(const StudySettings& s) const;
  [[nodiscard]] static std::vector<Finding> findings(const std::vector<Outcome>& all, const StudySettings& s);
  [[nodiscard]] static std::vector<Figure> figures(const std::vector<Outcome>& all, const StudySettings& s);
};

std::vector<StudyRun> Slow::runs(const StudySettings& s) const {
  std::vector<Arm> arms;
  const json critic{{"critic.width", s.pick(16, 128, 512)}, {"train.batch", s.pick(16, 256, 256)}};
  const json rmsprop{{"critic.optimizer", "rmsprop"}, {"critic.learning_rate", 5e-4}};
  for (const double c : {0.001, 0.01, 0.1, 1.0}) {
    json config = critic;
    config.update(rmsprop);
    config.update({{"data.kind", "swissroll"}, {"critic.constraint", "clip"}, {"clip.c", c}});
    arms.push_back({fmt::format("critic-{}", c), config, {{"critic_steps", s.pick(60, 2400, 10000)}}});
  }
  const int steps = s.pick(8, 1500, 20000);
  json common = critic;
  common.update(rmsprop);
  common.update({{"data.kind", "gaussians8"},
                 {"generator.width", s.pick(16, 128, 512)},
                 {"generator.optimizer", "rmsprop"},
                 {"generator.learning_rate", 5e-4},
                 {"train.steps", steps},
                 {"eval.every", std::max(1, steps / 20)},
                 {"eval.samples", s.pick(32, 512, 1024)}});
  for (const double c : {0.01, 0.1}) {
    json config = common;
    config.update({{"critic.constraint", "clip"}, {"clip.c", c}});
    arms.push_back({fmt::format("gan-clip-{}", c), config});
  }
  json config = common;
  config.update({{"critic.constraint", "penalty"}, {"critic.lambda", 0.1}});
  arms.push_back({"gan-penalty", config});
  add_further(arms, arms.back(), s, "gan-");  // as the penalty
  for (const Arm& arm : landscape_arms(s)) arms.push_back(arm);
  return every_seed(arms, s);
}

/// A critic alone: when its estimate has come to 90 % of where it ends, and how steep it is there.
json settle(const RunConfig& config, int64_t steps, Device device) {
  const HeldGenerator data(config.data);
  CriticTrainer trainer = data.trainer(config, device);
  const TensorOptions options = trainer.critic().options();
  const Tensor real = HeldGenerator::draw(*data.real, config.seed, probes, options);
  const Tensor fake = HeldGenerator::draw(*data.fake, config.seed, probes, options);
  std::vector<double> x, y;
  for (int moment = 0; moment <= moments; ++moment) {
    while (trainer.steps_done() < moment * steps / moments) trainer.step();
    x.push_back(static_cast<double>(trainer.steps_done()));
    y.push_back(wasserstein_estimate(trainer.critic(), real, fake));
  }
  constexpr int last = moments / 10;
  double plateau = 0;
  for (int i = 0; i < last; ++i) plateau += y[y.size() - 1 - static_cast<size_t>(i)] / last;
  std::vector<double> share;
  for (const double value : y) share.push_back(plateau > 0 ? value / plateau : std::nan(""));
  const auto reached = std::find_if(y.begin(), y.end(), [&](double value) { return value >= settled * plateau; });
  const std::vector<double> norms = gradient_norms(trainer.critic(), fake);
  const double settling = std::max(1.0, x[static_cast<size_t>(reached - y.begin())]);
  return {{"steps_to_settle", settling},
          {"log_settle", std::log10(settling)},
          {"plateau", plateau},
          {"norm", summarize(std::span<const double>(norms)).mean},
          {"curve", {{"x", x}, {"y", share}}}};
}

json Slow::run(const json& settings, Device device, const std::filesystem::path& folder) const {
  if (settings.contains("landscape")) return measure_landscape(settings, device, folder);
  const RunConfig config = config_of(settings);
  if (settings.contains("critic_steps")) return settle(config, settings["critic_steps"].get<int64_t>(), device);
  const Course course = train_course(config, device, 8);
  double reached = static_cast<double>(config.steps);
  bool reaches = false;
  for (size_t i = 0; i < course.w1.size() && !reaches; ++i) {
    reaches = course.w1[i] <= goal * course.floor;
    if (reaches) reached = std::max(1.0, course.steps[i]);
  }
  std::vector<double> floors;
  for (const double w1 : course.w1) floors.push_back(w1 / course.floor);
  return {{"diverged", course.diverged},
          {"reached", reaches ? 1 : 0},
          {"steps_to_goal", reached},
          {"log_goal", std::log10(reached)},
          {"seconds_to_goal", reached * course.milliseconds / 1e3},
          {"milliseconds", course.milliseconds},
          {"log_milliseconds", std::log10(std::max(course.milliseconds, 1e-6))},
          {"floors", late_mean(course, "w1", 3) / course.floor},
          {"curve", {{"x", course.steps}, {"y", floors}}}};
}

Conclusion Slow::conclude(const std::vector<Outcome>& all, const StudySettings& s) const {
  const auto told = [&](const std::string& arm, const char* key) { return say(values_of(all, arm, key)); };
  Conclusion result;
  result.method = method(s);
  result.findings = findings(all, s);
  result.figures = figures(all, s);
  result.meaning = {
      fmt::format("The critic alone: {} steps until it settles at c = 0.001, {} at 0.01, {} at 0.1, {} at 1; its mean "
                  "gradient norm there is {}, {}, {} and {}. The optimizer moves a weight by about its rate a step, so "
                  "that the box's half width over the rate is the time to cross it.",
                  told("critic-0.001", "steps_to_settle"), told("critic-0.01", "steps_to_settle"),
                  told("critic-0.1", "steps_to_settle"), told("critic-1", "steps_to_settle"),
                  told("critic-0.001", "norm"), told("critic-0.01", "norm"), told("critic-0.1", "norm"),
                  told("critic-1", "norm")),
      fmt::format("The generator: {} steps to {} floors under the penalty, {} under clipping with c = 0.1, {} with c = "
                  "0.01 (a training that never gets there counts with all its steps). A step takes {}, {} and {} ms, "
                  "so that in time it is {}, {} and {} s.",
                  told("gan-penalty", "steps_to_goal"), goal, told("gan-clip-0.1", "steps_to_goal"),
                  told("gan-clip-0.01", "steps_to_goal"), told("gan-penalty", "milliseconds"),
                  told("gan-clip-0.1", "milliseconds"), told("gan-clip-0.01", "milliseconds"),
                  told("gan-penalty", "seconds_to_goal"), told("gan-clip-0.1", "seconds_to_goal"),
                  told("gan-clip-0.01", "seconds_to_goal"))};
  result.limits = {
      "One optimizer and one rate for all, as the claim asks for; each constraint has others that suit it better (the "
      "study samples uses them). \"Settled\" is against each critic's own plateau, in its own units: it says nothing "
      "of how good that plateau is, and a critic still climbing at the end counts its last tenth as its plateau.",
      "Times are of runs side by side on a machine that may do other things; their ratio means more than they do."};
  conclude_landscape(all, s, result);
  return result;
}

std::vector<std::string> Slow::method(const StudySettings& s) const {
  const std::vector<StudyRun> planned = runs(s);
  const json critic = planned[0].settings, gan = planned[4].settings.at("config");
  const auto whole = [](const json& settings, const char* key) { return settings.at(key).get<int64_t>(); };
  return {fmt::format(
              "The critic alone: Swiss roll, the generator held fixed at data + N(0, I), three hidden layers of {} "
              "ReLU, He's start clipped to c, RMSProp 5e-4, {} steps of batch {}. Its estimate on {} samples of each "
              "is taken at {} moments; it has settled when the estimate comes to {} of the mean of the last tenth.",
              whole(critic["config"], "critic.width"), whole(critic, "critic_steps"),
              whole(critic["config"], "train.batch"), probes, moments, settled),
          fmt::format("Generator and critic: 8 Gaussians, width {}, batch {}, {} generator steps with 5 critic steps "
                      "each, RMSProp 5e-4 for both networks and all constraints; clipping with c = 0.1 and 0.01, "
                      "penalty with lambda 0.1. Exact W1 of {} samples is taken 20 times; the data are reached at {} "
                      "floors, the floor being what two samples of the data themselves have.",
                      whole(gan, "generator.width"), whole(gan, "train.batch"), whole(gan, "train.steps"),
                      whole(gan, "eval.samples"), goal)};
}

std::vector<Finding> Slow::findings(const std::vector<Outcome>& all, const StudySettings& s) {
  const char* clipping = "Arjovsky et al. 2017, section 3, in words";
  const char* penalty = "Gulrajani et al. 2017, section 5 (curves)";
  std::vector<Finding> result{
      judge("decades of steps until the critic settles, c = 1 minus c = 0.01",
            differences(all, "critic-1", "critic-0.01", "log_settle"), {.low = std::log10(2)}, s.needed(),
            {"a large c takes longer", clipping}),
      judge("decades of steps to the data, clipping (c = 0.1) minus penalty",
            differences(all, "gan-clip-0.1", "gan-penalty", "log_goal"), {.low = 0}, s.needed(),
            {"the penalty needs fewer steps", penalty}),
      judge("decades of steps to the data, clipping (c = 0.01) minus penalty",
            differences(all, "gan-clip-0.01", "gan-penalty", "log_goal"), {.low = 0}, s.needed(),
            {"the penalty needs fewer steps", penalty}),
      judge("decades of time a step, penalty minus clipping (c = 0.1)",
            differences(all, "gan-penalty", "gan-clip-0.1", "log_milliseconds"), {.low = 0}, s.needed(),
            {"dearer; by products 1.6 times, 0.2 decades", "11 against 7 L M, docs/architecture.md"})};
  for (const ArmText& arm : critics) {
    result.push_back(
        observe("steps until the critic settles, " + arm.label, values_of(all, arm.name, "steps_to_settle")));
    result.push_back(
        observe("its mean gradient norm, " + arm.label, values_of(all, arm.name, "norm"),
                {arm.name == "critic-0.001" ? "vanishes" : "", arm.name == "critic-0.001" ? clipping : ""}));
  }
  for (const ArmText& arm : with_further(trainings, s, "gan-")) {
    result.push_back(observe("steps to the data, " + arm.label, values_of(all, arm.name, "steps_to_goal")));
    result.push_back(
        observe("share of the trainings that got there, " + arm.label, values_of(all, arm.name, "reached")));
    result.push_back(observe("ms a step, " + arm.label, values_of(all, arm.name, "milliseconds")));
    result.push_back(observe("W1 in floors at the end, " + arm.label, values_of(all, arm.name, "floors")));
  }
  return result;
}

std::vector<Figure> Slow::figures(const std::vector<Outcome>& all, const StudySettings& s) {
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
  Series norms{"mean gradient norm", 0, {}, {}};
  for (const ArmText& arm : critics) {
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
  for (const ArmText& arm : with_further(trainings, s, "gan-")) {
    by_steps.series.push_back(mean_curve(all, arm, "curve"));
    Series timed = by_steps.series.back();  // the same points, at the mean time of a step
    const auto milliseconds = values_of(all, arm.name, "milliseconds");
    const double each = milliseconds.empty() ? 0 : confidence_interval(milliseconds).mean / 1e3;
    for (double& x : timed.x) x *= each;
    by_time.series.push_back(timed);
  }
  return {{"settling.svg", "Mean over the seeds with its 95 % band, each critic against its own plateau.", settling},
          {"steepness.svg", "Mean and interval over the seeds, on a logarithmic scale.", steepness},
          {"by-steps.svg", "Mean over the seeds with its 95 % band; the same RMSProp for all.", by_steps},
          {"by-time.svg", "The same trainings over the time that the steps take.", by_time}};
}

}  // namespace

std::unique_ptr<Study> make_slow() {
  return std::make_unique<Slow>();
}

}  // namespace kantor
