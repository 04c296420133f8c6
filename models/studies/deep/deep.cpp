// Deep: which critics train at all, by depth, activation and normalization, under clipping and under the penalty
// (Gulrajani et al. 2017, section 5, which tries random architectures).
#include "models/studies/deep/recurrent.h"
#include "models/studies/deep/text.h"
#include "models/studies/framework/arms.h"
#include "models/studies/framework/curve_run.h"
#include "models/studies/framework/outcomes.h"
#include "models/studies/framework/text.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace kantor::deep {
namespace {

using nlohmann::json;

// Our own bars: what may be left of the W1 above its floor where a critic counts as trained, and shares of
// architectures.
constexpr double success = 0.25, most = 0.5, gap = 0.25;
constexpr int64_t deep_from = 12;  // hidden layers
constexpr int floor_pairs = 20;

std::vector<int> depths(const StudySettings& s) {
  if (s.scale == Scale::tiny) return {2, 12};
  if (s.scale == Scale::quick) return {4, 12, 20};
  return {4, 8, 12, 20};
}
std::vector<std::string> activations(const StudySettings& s) {
  if (s.scale == Scale::tiny) return {"relu"};
  if (s.scale == Scale::quick) return {"relu", "tanh"};
  return {"relu", "leaky_relu", "tanh"};
}

/// One depth and activation under both constraints, named "<depth>-<activation>-<plain or norm>-<constraint>". Arms of
/// one label differ in their architecture only and are shown together.
std::vector<Arm> architecture(int depth, const std::string& activation, bool normalized, const StudySettings& s) {
  const int steps = s.pick(3, 448, 4000);
  const json common{
      {"data.kind", "gaussians8"}, {"generator.width", s.pick(8, 64, 128)}, {"critic.width", s.pick(8, 64, 128)},
      {"critic.depth", depth},     {"critic.activation", activation},       {"train.batch", s.pick(8, 64, 256)},
      {"train.steps", steps},      {"eval.every", std::max(1, steps / 4)},  {"eval.samples", s.pick(32, 256, 1024)}};
  json clip = both_networks(clipped(common, 0.1, 5e-4)), penalty = both_networks(penalised(common, 0.1, 1e-3));
  clip["critic.norm"] = normalized ? "batch" : "none";
  penalty["critic.norm"] = normalized ? "layer" : "none";
  const std::string prefix = fmt::format("{}-{}-{}-", depth, activation, normalized ? "norm" : "plain");
  if (normalized) {
    return {{prefix + "clip", "clipping, batch norm", colours::orange, clip},
            {prefix + "penalty", "penalty, layer norm", colours::sky, penalty}};
  }
  std::vector<Arm> arms{{prefix + "clip", "clipping", colours::vermilion, clip},
                        {prefix + "penalty", "penalty", colours::blue, penalty}};
  add_further(arms, prefix + "penalty", s, prefix);
  return arms;
}

std::vector<Arm> architectures(const StudySettings& s) {
  std::vector<Arm> all;
  for (const int depth : depths(s)) {
    for (const std::string& activation : activations(s)) {
      for (const bool normalized : {false, true}) {
        for (Arm& arm : architecture(depth, activation, normalized, s)) all.push_back(std::move(arm));
      }
    }
  }
  return all;
}

std::vector<Arm> all_arms(const StudySettings& s) {
  std::vector<Arm> all = architectures(s);
  for (Arm& arm : recurrent_arms(s)) all.push_back(std::move(arm));
  return all;
}

/// Which of the architectures are meant; an empty text means any.
struct Selection {
  std::string constraint = {}, norm = {}, label = {};
  int64_t from_depth = 0, to_depth = std::numeric_limits<int64_t>::max();

  [[nodiscard]] bool has(const Arm& arm) const {
    const auto is = [&](const std::string& wanted, const char* key) {
      return wanted.empty() || arm.config.at(key) == wanted;
    };
    const int64_t depth = integer(arm.config, "critic.depth");
    return is(constraint, "critic.constraint") && is(norm, "critic.norm") && (label.empty() || arm.label == label) &&
           depth >= from_depth && depth <= to_depth;
  }
};

/// Mean of numbers[key] over the selected architectures, by seed; a seed with one of them missing is left out.
std::map<int64_t, double> means(const std::vector<Outcome>& all, const StudySettings& s, const Selection& selection,
                                const std::string& key) {
  std::map<int64_t, double> sums, counts, result;
  double selected = 0;
  for (const Arm& arm : architectures(s)) {
    if (!selection.has(arm)) continue;
    ++selected;
    for (const Outcome* outcome : outcomes_of(all, arm.name)) {
      const int64_t seed = integer(outcome->settings, "seed");
      sums[seed] += outcome->numbers.at(key).get<double>();
      ++counts[seed];
    }
  }
  for (const auto& [seed, sum] : sums) {
    if (counts[seed] == selected) result[seed] = sum / selected;
  }
  return result;
}

std::vector<double> mean_by_seed(const std::vector<Outcome>& all, const StudySettings& s, const Selection& selection,
                                 const std::string& key) {
  std::vector<double> values;
  for (const auto& [seed, mean] : means(all, s, selection, key)) values.push_back(mean);
  return values;
}

/// An arm for each label, in the order of the tables.
std::vector<Arm> one_of_each_label(const StudySettings& s) {
  std::vector<Arm> shown;
  for (const Arm& arm : architectures(s)) {
    const bool known =
        std::any_of(shown.begin(), shown.end(), [&](const Arm& other) { return other.label == arm.label; });
    if (!known) shown.push_back(arm);
  }
  return shown;
}

/// A training of one architecture.
class ArchitectureRun final : public PlaneRun {
 public:
  ArchitectureRun(const json& settings, const RunPlace& place) : PlaneRun(config_of(settings), place, floor_pairs) {}

  [[nodiscard]] json numbers(const TrainingCurve& curve) override {
    const std::vector<double> w1 = curve.along("w1");
    // No training removes the W1 between two samples of the data; the W1 at the start is the generator's luck.
    const double left = (w1.back() - floor()) / std::max(w1.front() - floor(), 1e-6);
    return {{"diverged", curve.diverged},
            {"left", left},
            {"floor", floor()},
            {"success", !curve.diverged && left < success ? 1 : 0},
            {"curve", curve.points("w1")}};
  }
};

std::unique_ptr<CurveRun> curve_run(const json& settings, const RunPlace& place) {
  if (is_recurrent(settings)) return nullptr;
  return std::make_unique<ArchitectureRun>(settings, place);
}

json run(const json& settings, Device device, const std::filesystem::path&) {
  return run_recurrent(settings, device);
}

std::vector<Finding> findings(const std::vector<Outcome>& all, const StudySettings& s) {
  const auto rate = [&](const Selection& selection) { return mean_by_seed(all, s, selection, "success"); };
  const auto clip = means(all, s, {.constraint = "clip"}, "success");
  std::vector<double> gaps;
  for (const auto& [seed, share] : means(all, s, {.constraint = "penalty"}, "success")) {
    if (clip.contains(seed)) gaps.push_back(share - clip.at(seed));
  }
  const Reference often{"often fails, batch norm or not", text::in_words};
  std::vector<Finding> result{
      judge("architectures that train, penalty minus clipping, share", gaps, {.low = gap}, s.needed(),
            {"of 200: the penalty alone 104, standard GAN alone 1, both 5", text::table}),
      judge("architectures that train under the penalty", rate({.constraint = "penalty"}), {.low = most}, s.needed(),
            {"most", "Gulrajani et al. 2017"}),
      judge(fmt::format("of {} layers and more, clipping, no normalization", deep_from),
            rate({.constraint = "clip", .norm = "none", .from_depth = deep_from}), {.high = most}, s.needed(), often),
      judge(fmt::format("of {} layers and more, clipping, batch norm", deep_from),
            rate({.constraint = "clip", .norm = "batch", .from_depth = deep_from}), {.high = most}, s.needed(), often),
      observe("architectures that train under clipping", rate({.constraint = "clip"}))};
  for (const Arm& arm : one_of_each_label(s)) {
    for (const int depth : depths(s)) {
      result.push_back(observe(fmt::format("{} layers, {}", depth, arm.label),
                               rate({.label = arm.label, .from_depth = depth, .to_depth = depth})));
    }
  }
  return result;
}

std::vector<Figure> figures(const std::vector<Outcome>& all, const StudySettings& s) {
  Chart trained{.kind = Chart::Kind::bars,
                .title = "Architectures that train",
                .x_label = "hidden layers of the critic",
                .y_label = "share over the activations"};
  Chart distance{.kind = Chart::Kind::bars,
                 .title = "How far they come",
                 .x_label = "hidden layers of the critic",
                 .y_label = "W1 above the floor, end / start",
                 .marks = {{success, "trained"}}};
  for (const int depth : depths(s)) trained.categories.push_back(std::to_string(depth));
  distance.categories = trained.categories;
  for (const Arm& arm : one_of_each_label(s)) {
    Series share = series_of(arm), left = share;
    for (const int depth : depths(s)) {
      const Selection of_depth{.label = arm.label, .from_depth = depth, .to_depth = depth};
      add_point(share, mean_by_seed(all, s, of_depth, "success"));
      add_point(left, mean_by_seed(all, s, of_depth, "left"));
    }
    trained.series.push_back(share);
    distance.series.push_back(left);
  }
  return {{"trained.svg", text::trained_caption, trained}, {"distance.svg", text::distance_caption, distance}};
}

Conclusion conclude(const std::vector<Outcome>& all, const StudySettings& s) {
  const json set = architectures(s).front().config;  // all have these settings in common
  const auto rate = [&](const Selection& selection) { return say(mean_by_seed(all, s, selection, "success")); };
  const auto deep_rate = [&](const char* constraint, const char* norm) {
    return rate({.constraint = constraint, .norm = norm, .from_depth = deep_from});
  };
  Conclusion result;
  result.method = {fill(text::method, arg("generator_width", integer(set, "generator.width")),
                        arg("width", integer(set, "critic.width")), arg("depths", json(depths(s)).dump()),
                        arg("activations", json(activations(s)).dump()), arg("steps", integer(set, "train.steps")),
                        arg("batch", integer(set, "train.batch")), arg("samples", integer(set, "eval.samples")),
                        arg("success", success))};
  result.findings = findings(all, s);
  result.figures = figures(all, s);
  result.meaning = {
      fill(text::meaning, arg("clip", rate({.constraint = "clip"})), arg("penalty", rate({.constraint = "penalty"})),
           arg("deep_from", deep_from), arg("deep_clip", deep_rate("clip", "none")),
           arg("deep_clip_norm", deep_rate("clip", "batch")), arg("deep_penalty", deep_rate("penalty", "none")),
           arg("deep_penalty_norm", deep_rate("penalty", "layer"))),
      text::meaning_why};
  result.limits = {text::limit_one_setting, text::limit_normalization};
  append(result, conclude_recurrent(all, s));
  return result;
}

}  // namespace

Study study() {
  return {"deep", text::title, text::claim, all_arms, run, conclude, curve_run};
}

}  // namespace kantor::deep
