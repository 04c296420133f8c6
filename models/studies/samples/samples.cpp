// Samples: what the generator makes in the end, under clipping and under the penalty, on mixtures whose modes can be
// counted (measures of PacGAN, Lin et al. 2018), and on images (image_samples.h).
#include "models/studies/framework/arms.h"
#include "models/studies/framework/curve_run.h"
#include "models/studies/framework/outcomes.h"
#include "models/studies/framework/text.h"
#include "models/studies/samples/image_conclusion.h"
#include "models/studies/samples/image_samples.h"
#include "models/studies/samples/text.h"

#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace kantor::samples {
namespace {

using nlohmann::json;

constexpr size_t late = 3;               // evaluations at the end that are averaged
constexpr double better_quality = 0.05;  // share of the samples: our own bar
constexpr double better_floors = 0.1;
constexpr int floor_pairs = 8;

/// A data set, and what PacGAN's table gives for a plain GAN on it.
struct Mixture {
  std::string kind, title;
  int modes;
  std::string plain_modes, plain_quality, plain_reverse_kl;

  [[nodiscard]] std::string arm(const std::string& constraint) const { return kind + "-" + constraint; }
};
const std::vector<Mixture> mixtures{{.kind = "gaussians8",
                                     .title = "8 Gaussians",
                                     .modes = 8,
                                     .plain_modes = "6.3",
                                     .plain_quality = "0.982",
                                     .plain_reverse_kl = "0.45"},
                                    {.kind = "gaussians25",
                                     .title = "25 Gaussians",
                                     .modes = 25,
                                     .plain_modes = "17.3",
                                     .plain_quality = "0.948",
                                     .plain_reverse_kl = "0.70"}};

std::vector<Arm> arms_on(const Mixture& mixture, const StudySettings& s) {
  const int steps = s.pick(6, 1100, 20000);
  const json common{{"data.kind", mixture.kind},
                    {"generator.width", s.pick(16, 128, 128)},
                    {"critic.width", s.pick(16, 128, 128)},
                    {"train.batch", s.pick(16, 256, 256)},
                    {"train.steps", steps},
                    {"eval.every", std::max(1, steps / 12)},
                    {"eval.samples", s.pick(32, 512, 1024)}};
  const auto clip = [&](double c) { return both_networks(clipped(common, c, 5e-4)); };
  std::vector<Arm> arms{
      {mixture.arm("clip-0.01"), "clipping, c = 0.01", colours::vermilion, clip(0.01)},
      {mixture.arm("clip-0.1"), "clipping, c = 0.1", colours::orange, clip(0.1)},
      {mixture.arm("penalty"), "penalty, lambda 0.1", colours::blue, both_networks(penalised(common, 0.1, 1e-3))}};
  add_further(arms, mixture.arm("penalty"), s, mixture.arm(""));
  return arms;
}

std::vector<Arm> all_arms(const StudySettings& s) {
  std::vector<Arm> all;
  for (const Mixture& mixture : mixtures) {
    for (Arm& arm : arms_on(mixture, s)) all.push_back(std::move(arm));
  }
  for (Arm& arm : image_arms(s)) all.push_back(std::move(arm));
  return all;
}

/// A training on a mixture.
class MixtureRun final : public PlaneRun {
 public:
  MixtureRun(const json& settings, const RunPlace& place) : PlaneRun(config_of(settings), place, floor_pairs) {}

  [[nodiscard]] json numbers(const TrainingCurve& curve) override {
    json numbers{{"diverged", curve.diverged},
                 {"floor", floor()},
                 {"curve", curve.points("w1")},
                 {"floors", curve.late_mean(late, "w1") / floor()},
                 {"quality_curve", curve.points("high_quality")}};
    for (const char* key : {"modes", "high_quality", "reverse_kl", "w1"}) numbers[key] = curve.late_mean(late, key);
    return numbers;
  }
};

std::unique_ptr<CurveRun> curve_run(const json& settings, const RunPlace& place) {
  if (is_image_run(settings)) return nullptr;
  return std::make_unique<MixtureRun>(settings, place);
}

std::vector<Finding> findings(const std::vector<Outcome>& all, const StudySettings& s) {
  const Reference better{"better under the penalty", text::section_5};
  std::vector<Finding> result;
  for (const Mixture& mixture : mixtures) {
    const std::string penalty = mixture.arm("penalty");
    for (const std::string c : {"0.1", "0.01"}) {
      const std::string clip = mixture.arm("clip-" + c);
      result.push_back(judge(fmt::format("{}: high quality, penalty minus clipping (c = {})", mixture.title, c),
                             differences(all, penalty, clip, "high_quality"), {.low = better_quality}, s.needed(),
                             better));
      result.push_back(judge(fmt::format("{}: W1 in floors, clipping (c = {}) minus penalty", mixture.title, c),
                             differences(all, clip, penalty, "floors"), {.low = better_floors}, s.needed(), better));
    }
  }
  for (const Mixture& mixture : mixtures) {
    for (const Arm& arm : arms_on(mixture, s)) {
      const auto add = [&](const char* what, const char* key, const std::string& plain_gan) {
        result.push_back(observe(fmt::format("{}: {}, {}", mixture.title, what, arm.label),
                                 values_of(all, arm.name, key), {"plain GAN " + plain_gan, text::pacgan}));
      };
      add("modes", "modes", mixture.plain_modes);
      add("high quality", "high_quality", mixture.plain_quality);
      add("reverse KL", "reverse_kl", mixture.plain_reverse_kl);
    }
  }
  return result;
}

std::vector<Figure> figures(const std::vector<Outcome>& all, const StudySettings& s) {
  std::vector<Figure> result;
  for (const Mixture& mixture : mixtures) {
    Chart quality{.title = mixture.title + ": samples of high quality",
                  .x_label = "generator steps",
                  .y_label = "share within 3 sigma of a mode"};
    Chart distance{.title = mixture.title + ": exact W1 from the data",
                   .x_label = "generator steps",
                   .y_label = "W1",
                   .log_y = true};
    for (const Arm& arm : arms_on(mixture, s)) {
      quality.series.push_back(mean_curve(all, arm, "quality_curve"));
      distance.series.push_back(mean_curve(all, arm, "curve"));
    }
    const auto floors = values_of(all, mixture.arm("penalty"), "floor");
    if (!floors.empty()) distance.marks = {{floors.front(), "floor: data against data"}};
    result.push_back({mixture.kind + "-quality.svg", text::quality_caption, quality});
    result.push_back({mixture.kind + "-w1.svg", text::distance_caption, distance});
  }
  return result;
}

std::string meaning(const std::vector<Outcome>& all, const Mixture& mixture) {
  const auto told = [&](const char* constraint, const char* key) { return say(all, mixture.arm(constraint), key); };
  return fill(text::meaning, arg("data", mixture.title), arg("penalty_quality", told("penalty", "high_quality")),
              arg("wide_quality", told("clip-0.1", "high_quality")),
              arg("narrow_quality", told("clip-0.01", "high_quality")),
              arg("penalty_floors", told("penalty", "floors")), arg("wide_floors", told("clip-0.1", "floors")),
              arg("narrow_floors", told("clip-0.01", "floors")), arg("penalty_modes", told("penalty", "modes")),
              arg("wide_modes", told("clip-0.1", "modes")), arg("narrow_modes", told("clip-0.01", "modes")),
              arg("modes", mixture.modes));
}

Conclusion conclude(const std::vector<Outcome>& all, const StudySettings& s) {
  const json set = all_arms(s).front().config;  // the mixtures have these settings in common
  Conclusion result;
  result.method = {fill(text::method, arg("width", integer(set, "generator.width")),
                        arg("steps", integer(set, "train.steps")), arg("batch", integer(set, "train.batch")),
                        arg("late", late), arg("samples", integer(set, "eval.samples")))};
  result.findings = findings(all, s);
  result.figures = figures(all, s);
  for (const Mixture& mixture : mixtures) result.meaning.push_back(meaning(all, mixture));
  result.limits = {text::limit_one_setting, text::limit_modes};
  append(result, conclude_images(all, s));
  return result;
}

}  // namespace

Study study() {
  return {"samples", text::title, text::claim, all_arms, run_images, conclude, curve_run};
}

}  // namespace kantor::samples
