#include "models/studies/deep/recurrent.h"

#include "engine/random.h"
#include "models/metrics/wasserstein.h"
#include "models/studies/deep/text.h"
#include "models/studies/framework/arms.h"
#include "models/studies/framework/frozen_generator.h"
#include "models/studies/framework/outcomes.h"
#include "models/studies/framework/text.h"
#include "models/training/probe.h"

#include <algorithm>
#include <fmt/format.h>
#include <string>
#include <utility>

namespace kantor::deep {
namespace {

using nlohmann::json;

// Our own: the share of the largest step's gradient that still counts as one, and by how much the critics must differ.
constexpr double felt = 0.01, farther = 0.25, better = 0.1;

std::vector<int> lengths(const StudySettings& s) {
  if (s.scale == Scale::tiny) return {8, 12};
  if (s.scale == Scale::quick) return {8, 32, 64};
  return {8, 16, 32, 64};
}

std::string prefix(int length) {
  return fmt::format("rnn-{}-", length);
}

std::vector<Arm> arms_over(int length, const StudySettings& s) {
  const json common{{"data.kind", "sequences"},
                    {"data.length", length},
                    {"critic.network", "rnn"},
                    {"critic.width", s.pick(8, 64, 128)},
                    {"critic.initialization", "xavier_uniform"},
                    {"train.batch", s.pick(8, 64, 128)}};
  const json more{{"recurrent", {{"steps", s.pick(4, 200, 3000)}, {"points", s.pick(16, 256, 512)}}}};
  const std::string over = prefix(length);
  std::vector<Arm> arms{
      {over + "clip-0.01", "clipping, c = 0.01", colours::vermilion, clipped(common, 0.01, 5e-4), more},
      {over + "clip-0.1", "clipping, c = 0.1", colours::orange, clipped(common, 0.1, 5e-4), more},
      {over + "penalty", "penalty, lambda 10", colours::blue, penalised(common, 10, 1e-3), more}};
  add_further(arms, over + "penalty", s, over);
  std::erase_if(arms, [&](const Arm& arm) { return arm.name == over + "groupsort"; });  // has no recurrent form
  return arms;
}

/// Share of a sequence's steps whose input the loss still depends on.
double reach_of(const std::vector<double>& by_step) {
  const double largest = *std::max_element(by_step.begin(), by_step.end());
  if (!(largest > 0)) return 0;
  const auto count = std::count_if(by_step.begin(), by_step.end(), [&](double norm) { return norm >= felt * largest; });
  return static_cast<double>(count) / static_cast<double>(by_step.size());
}

std::vector<Finding> findings(const std::vector<Outcome>& all, const StudySettings& s) {
  const int longest = lengths(s).back();
  const auto against = [&](const std::string& clip, const char* key) {
    return differences(all, prefix(longest) + "penalty", prefix(longest) + clip, key);
  };
  const auto ratio = [&](const char* c) {
    return judge(fmt::format("RNN over {} steps: estimate / K / exact W1, penalty minus clipping (c = {})", longest, c),
                 against(fmt::format("clip-{}", c), "ratio"), {.low = better}, s.needed());
  };
  std::vector<Finding> result{
      judge(fmt::format("RNN over {} steps: share of them that the gradient reaches, penalty minus clipping (c = 0.01)",
                        longest),
            against("clip-0.01", "reach"), {.low = farther}, s.needed(),
            {"vanishes in recurrent critics", recurrent_text::section_3}),
      ratio("0.01"), ratio("0.1")};
  for (const int length : lengths(s)) {
    for (const Arm& arm : arms_over(length, s)) {
      const auto add = [&](const char* what, const char* key) {
        result.push_back(
            observe(fmt::format("RNN over {} steps: {}, {}", length, what, arm.label), values_of(all, arm.name, key)));
      };
      add("share of the steps that the gradient reaches", "reach");
      add("estimate / K / exact W1", "ratio");
    }
  }
  return result;
}

std::vector<Figure> figures(const std::vector<Outcome>& all, const StudySettings& s) {
  const int longest = lengths(s).back();
  Chart way{.title = fmt::format("The RNN's gradient on its way back, {} steps", longest),
            .x_label = "steps back from the score",
            .y_label = "norm of the gradient of the loss",
            .log_y = true};
  for (const Arm& arm : arms_over(longest, s)) way.series.push_back(mean_curve(all, arm, "by_step"));
  Chart reach{.kind = Chart::Kind::bars,
              .title = "How far back the RNN's gradient reaches",
              .x_label = "steps of the sequence",
              .y_label = "share of the steps",
              .marks = {{1, "all of them"}}};
  Chart ratio{.kind = Chart::Kind::bars,
              .title = "How much of the distance the RNN finds",
              .x_label = "steps of the sequence",
              .y_label = "estimate / K / exact W1"};
  for (const int length : lengths(s)) {
    add_bars(reach, std::to_string(length), all, arms_over(length, s), "reach");
    add_bars(ratio, std::to_string(length), all, arms_over(length, s), "ratio");
  }
  return {{"rnn-way-back.svg", recurrent_text::way_back_caption, way},
          {"rnn-reach.svg", recurrent_text::reach_caption, reach},
          {"rnn-ratio.svg", recurrent_text::ratio_caption, ratio}};
}

}  // namespace

std::vector<Arm> recurrent_arms(const StudySettings& s) {
  std::vector<Arm> all;
  for (const int length : lengths(s)) {
    for (Arm& arm : arms_over(length, s)) all.push_back(std::move(arm));
  }
  return all;
}

bool is_recurrent(const json& run_settings) {
  return run_settings.contains("recurrent");
}

json run_recurrent(const json& run_settings, Device device) {
  const RunConfig config = config_of(run_settings);
  const FrozenGenerator data(config.data);
  CriticTrainer trainer = data.trainer(config, device);
  const json& how = run_settings.at("recurrent");
  const int64_t steps = integer(how, "steps"), count = integer(how, "points");
  while (trainer.steps_done() < steps) trainer.step();

  const Network critic =
      in_float64(trainer.critic().network());  // float32 reads the far end of a vanishing gradient as 0
  const Tensor real = evaluation_samples(*data.real, config.seed, count, critic.options());
  const Tensor fake = evaluation_samples(*data.fake, config.seed, count, critic.options());
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

Conclusion conclude_recurrent(const std::vector<Outcome>& all, const StudySettings& s) {
  const Arm any = recurrent_arms(s).front();  // all have these settings in common
  const json& how = any.more.at("recurrent");
  const int longest = lengths(s).back();
  const auto told = [&](const char* arm, const char* key) { return say(all, prefix(longest) + arm, key); };
  Conclusion result;
  result.method = {fill(recurrent_text::method, arg("width", integer(any.config, "critic.width")),
                        arg("lengths", json(lengths(s)).dump()), arg("steps", integer(how, "steps")),
                        arg("batch", integer(any.config, "train.batch")), arg("points", integer(how, "points")),
                        arg("felt", felt))};
  result.findings = findings(all, s);
  result.figures = figures(all, s);
  result.meaning = {fill(recurrent_text::meaning, arg("length", longest),
                         arg("reach_narrow", told("clip-0.01", "reach")), arg("reach_wide", told("clip-0.1", "reach")),
                         arg("reach_penalty", told("penalty", "reach")),
                         arg("ratio_narrow", told("clip-0.01", "ratio")), arg("ratio_wide", told("clip-0.1", "ratio")),
                         arg("ratio_penalty", told("penalty", "ratio")))};
  result.limits = {recurrent_text::limit};
  return result;
}

}  // namespace kantor::deep
