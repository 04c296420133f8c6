#include "models/studies/recurrent_arms.h"

#include "engine/random.h"
#include "models/metrics/wasserstein.h"
#include "models/studies/held.h"
#include "models/training/probe.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace kantor {
namespace {

using nlohmann::json;

// Our own: the share of the largest step's gradient that still counts as one, and by how much the critics must differ.
constexpr double felt = 0.01, farther = 0.25, better = 0.1;

const std::vector<ArmText> constraints{
    {"clip-0.01", "clipping, c = 0.01", 0}, {"clip-0.1", "clipping, c = 0.1", 4}, {"penalty", "penalty, lambda 10", 1}};

std::vector<int> lengths(const StudySettings& s) {
  if (s.scale == Scale::tiny) return {8, 12};
  if (s.scale == Scale::quick) return {8, 32, 64};
  return {8, 16, 32, 64};
}

std::string prefix(int length) {
  return fmt::format("rnn-{}-", length);
}

/// Share of a sequence's steps whose input the loss still depends on.
double reach_of(const std::vector<double>& by_step) {
  const double largest = *std::max_element(by_step.begin(), by_step.end());
  if (!(largest > 0)) return 0;
  const auto count = std::count_if(by_step.begin(), by_step.end(), [&](double norm) { return norm >= felt * largest; });
  return static_cast<double>(count) / static_cast<double>(by_step.size());
}

std::vector<Finding> findings(const std::vector<Outcome>& all, const StudySettings& s) {
  const Reference words{"vanishes in recurrent critics", "Gulrajani et al. 2017, section 3, in words"};
  const int longest = lengths(s).back();
  const auto against = [&](const char* clip, const char* key) {
    return differences(all, prefix(longest) + "penalty", prefix(longest) + clip, key);
  };
  std::vector<Finding> result{
      judge(fmt::format("RNN over {} steps: share of them that the gradient reaches, penalty minus clipping (c = 0.01)",
                        longest),
            against("clip-0.01", "reach"), {.low = farther}, s.needed(), words)};
  for (const char* c : {"0.01", "0.1"}) {
    result.push_back(
        judge(fmt::format("RNN over {} steps: estimate / K / exact W1, penalty minus clipping (c = {})", longest, c),
              against(fmt::format("clip-{}", c).c_str(), "ratio"), {.low = better}, s.needed()));
  }
  for (const int length : lengths(s)) {
    for (const ArmText& arm : with_further(constraints, s)) {
      const std::string name = prefix(length) + arm.name;
      if (outcomes_of(all, name).empty() && arm.dashed) continue;  // a constraint that an RNN cannot have
      const auto add = [&](const char* what, const char* key) {
        result.push_back(
            observe(fmt::format("RNN over {} steps: {}, {}", length, what, arm.label), values_of(all, name, key)));
      };
      add("share of the steps that the gradient reaches", "reach");
      add("estimate / K / exact W1", "ratio");
    }
  }
  return result;
}

/// Bars by length.
Chart by_length(const std::vector<Outcome>& all, const StudySettings& s, const std::string& key, Chart chart) {
  chart.kind = Chart::Kind::bars;
  chart.x_label = "steps of the sequence";
  for (const int length : lengths(s)) chart.categories.push_back(std::to_string(length));
  for (const ArmText& arm : with_further(constraints, s)) {
    Series series = series_of(arm);
    for (const int length : lengths(s)) add_point(series, values_of(all, prefix(length) + arm.name, key));
    chart.series.push_back(series);
  }
  return chart;
}

}  // namespace

std::vector<Arm> recurrent_arms(const StudySettings& s) {
  std::vector<Arm> arms;
  for (const int length : lengths(s)) {
    const json common{{"data.kind", "sequences"},
                      {"data.length", length},
                      {"critic.network", "rnn"},
                      {"critic.width", s.pick(8, 64, 128)},
                      {"critic.initialization", "xavier_uniform"},
                      {"train.batch", s.pick(8, 64, 128)}};
    const json more{{"recurrent", {{"steps", s.pick(4, 200, 3000)}, {"points", s.pick(16, 256, 512)}}}};
    for (const double c : {0.01, 0.1}) {
      json clip = common;
      clip.update({{"critic.constraint", "clip"},
                   {"clip.c", c},
                   {"critic.optimizer", "rmsprop"},
                   {"critic.learning_rate", 5e-4}});
      arms.push_back({fmt::format("{}clip-{}", prefix(length), c), clip, more});
    }
    json penalty = common;
    penalty.update({{"critic.constraint", "penalty"}, {"critic.lambda", 10}, {"critic.learning_rate", 1e-3}});
    arms.push_back({prefix(length) + "penalty", penalty, more});
    add_further(arms, arms.back(), s, prefix(length));  // as the penalty
  }
  std::erase_if(arms, [](const Arm& arm) { return arm.name.ends_with("groupsort"); });  // has no recurrent form
  return arms;
}

bool is_recurrent_arm(const json& settings) {
  return settings.contains("recurrent");
}

json run_recurrent_arm(const json& settings, Device device) {
  const RunConfig config = config_of(settings);
  const HeldGenerator data(config.data);
  CriticTrainer trainer = data.trainer(config, device);
  const json& how = settings.at("recurrent");
  while (trainer.steps_done() < how.at("steps").get<int64_t>()) trainer.step();

  const auto count = how.at("points").get<int64_t>();
  const Network critic = in_float64(trainer.critic());  // float32 reads the far end of a vanishing gradient as 0
  const Tensor real = HeldGenerator::draw(*data.real, config.seed, count, critic.options());
  const Tensor fake = HeldGenerator::draw(*data.fake, config.seed, count, critic.options());
  std::vector<double> by_step = step_gradients(critic, real, fake);
  const double k = largest_gradient_norm(critic, real, fake, static_cast<uint64_t>(config.seed));
  const double w1 = wasserstein1(real.to_vector<float>(), fake.to_vector<float>(), data.real->sample_shape().size());
  json numbers{{"reach", reach_of(by_step)},
               {"w1", w1},
               {"largest_norm", k},
               {"ratio", k > 0 ? json(wasserstein_estimate(critic, real, fake) / k / w1) : json()}};
  std::reverse(by_step.begin(), by_step.end());
  json x = json::array();
  for (size_t i = 0; i < by_step.size(); ++i) x.push_back(i + 1);
  numbers["by_step"] = {{"x", x}, {"y", by_step}};
  return numbers;
}

void conclude_recurrent(const std::vector<Outcome>& all, const StudySettings& s, Conclusion& conclusion) {
  const json set = recurrent_arms(s).front().config, how = recurrent_arms(s).front().more.at("recurrent");
  const int longest = lengths(s).back();
  conclusion.method.push_back(fmt::format(
      "And a tanh RNN of {} units over noisy sines of {} steps, its score read from the last: the critic alone, the "
      "generator held fixed at data + N(0, I), {} steps of batch {}, Xavier's start; clipping with c = 0.01 and 0.1, "
      "RMSProp 5e-4, penalty with lambda 10, Adam 1e-3. Measured in float64 on {} samples of each: the norm of the "
      "loss's gradient by the input of each step, and the share of the steps where it is at least {} of the largest; "
      "and the estimate over K, the largest gradient norm, over the exact W1 of the samples.",
      set["critic.width"].get<int64_t>(), json(lengths(s)).dump(), how["steps"].get<int64_t>(),
      set["train.batch"].get<int64_t>(), how["points"].get<int64_t>(), felt));
  for (Finding& finding : findings(all, s)) conclusion.findings.push_back(std::move(finding));

  Chart way{.title = fmt::format("The RNN's gradient on its way back, {} steps", longest),
            .x_label = "steps back from the score",
            .y_label = "norm of the gradient of the loss",
            .log_y = true};
  for (ArmText arm : with_further(constraints, s)) {
    arm.name = prefix(longest) + arm.name;
    way.series.push_back(mean_curve(all, arm, "by_step"));
  }
  conclusion.figures.push_back({"rnn-way-back.svg",
                                "By the input of each step, 1 being the last; mean over the seeds with its 95 % band. "
                                "On this logarithmic scale a straight slope is exponential decay.",
                                way});
  conclusion.figures.push_back({"rnn-reach.svg", "Mean and interval over the seeds; 1 is the whole sequence.",
                                by_length(all, s, "reach",
                                          {.title = "How far back the RNN's gradient reaches",
                                           .y_label = "share of the steps",
                                           .marks = {{1, "all of them"}}})});
  conclusion.figures.push_back(
      {"rnn-ratio.svg", "Mean and interval over the seeds; a critic optimal for these very samples would have 1.",
       by_length(all, s, "ratio",
                 {.title = "How much of the distance the RNN finds", .y_label = "estimate / K / exact W1"})});
  const auto told = [&](const char* arm, const char* key) { return say(values_of(all, prefix(longest) + arm, key)); };
  conclusion.meaning.push_back(
      fmt::format("The RNN over {} steps: the gradient reaches {} of them at c = 0.01, {} at c = 0.1 and {} under the "
                  "penalty; of the distance it finds {}, {} and {}.",
                  longest, told("clip-0.01", "reach"), told("clip-0.1", "reach"), told("penalty", "reach"),
                  told("clip-0.01", "ratio"), told("clip-0.1", "ratio"), told("penalty", "ratio")));
  conclusion.limits.emplace_back(
      "The RNN: one start, one width, a critic alone. W1 of finite samples of so many dimensions is above that of the "
      "distributions, so that 1 is out of reach for a critic that has not seen them. A gradient that does not reach a "
      "step says that the score does not depend on it, not why; the penalty, too, can hold a critic that looks at the "
      "last steps only.");
}

}  // namespace kantor
