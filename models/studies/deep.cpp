// Deep: which critics train at all, by depth, activation and normalization, under clipping and under the penalty
// (Gulrajani et al. 2017, section 5, which tries random architectures).
#include "models/studies/all.h"
#include "models/studies/arms.h"
#include "models/studies/course.h"
#include "models/studies/recurrent_arms.h"

#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <map>

namespace kantor {
namespace {

using nlohmann::json;

// Our own bars: what may be left of the W1 above its floor where a critic counts as trained, and shares of
// architectures.
constexpr double success = 0.25, most = 0.5, gap = 0.25;
constexpr int64_t deep_from = 12;  // hidden layers

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

/// Which of the architectures are meant, by their configuration.
using Cells = std::function<bool(const json& config)>;

Cells cells(const std::string& constraint, const std::string& norm = "", int64_t least = 0, int64_t greatest = 1000) {
  return [=](const json& config) {
    if (!config.contains("critic.depth")) return false;  // the recurrent ones
    const auto depth = config.at("critic.depth").get<int64_t>();
    return config.at("critic.constraint") == constraint && (norm.empty() || config.at("critic.norm") == norm) &&
           depth >= least && depth <= greatest;
  };
}

/// Mean of numbers[key] over the cells, by seed; a seed with a cell missing is left out.
std::map<int64_t, double> means(const std::vector<Outcome>& all, const std::vector<StudyRun>& planned,
                                const Cells& meant, const std::string& key) {
  std::map<int64_t, std::pair<int64_t, double>> seeds;  // planned cells that lack, and the sum of the others
  std::map<int64_t, double> count;
  for (const StudyRun& run : planned) {
    if (!meant(run.settings.at("config"))) continue;
    const auto seed = run.settings.at("seed").get<int64_t>();
    ++seeds[seed].first;
    ++count[seed];
  }
  for (const Outcome& outcome : all) {
    if (!meant(outcome.settings.at("config"))) continue;
    auto& [lacking, sum] = seeds[outcome.settings.at("seed").get<int64_t>()];
    --lacking;
    sum += outcome.numbers.at(key).get<double>();
  }
  std::map<int64_t, double> result;
  for (const auto& [seed, found] : seeds) {
    if (found.first == 0) result[seed] = found.second / count[seed];
  }
  return result;
}

std::vector<double> by_seed(const std::vector<Outcome>& all, const std::vector<StudyRun>& planned, const Cells& meant,
                            const std::string& key) {
  std::vector<double> values;
  for (const auto& [seed, mean] : means(all, planned, meant, key)) values.push_back(mean);
  return values;
}

/// Architectures that are shown together; the text's name is the constraint.
struct Group {
  ArmText text;
  std::string norm;
};
std::vector<Group> groups(const StudySettings& s) {
  const std::vector<ArmText> plain{{"clip", "clipping", 0}, {"penalty", "penalty", 1}};
  std::vector<Group> all{{{"clip", "clipping, batch norm", 4}, "batch"},
                         {{"penalty", "penalty, layer norm", 5}, "layer"}};
  for (const ArmText& text : with_further(plain, s)) all.push_back({text, "none"});
  return all;
}

class Deep final : public Study {
 public:
  [[nodiscard]] std::string name() const override { return "deep"; }
  [[nodiscard]] std::string title() const override { return "Deep critics often do not converge under clipping"; }
  [[nodiscard]] std::string claim() const override {
    return "With weight clipping, deep critics often fail to train, with batch normalization or without; the gradient "
           "penalty trains most architectures.";
  }
  [[nodiscard]] std::vector<StudyRun> runs(const StudySettings& s) const override;
  [[nodiscard]] json run(const json& settings, Device device, const std::filesystem::path&) const override {
    if (is_recurrent_arm(settings)) return run_recurrent_arm(settings, device);
    const Course course = train_course(config_of(settings), device, 20);
    // What two samples of the data have between them nobody can train away; the start's W1 is the generator's luck.
    const double share = (course.w1.back() - course.floor) / std::max(course.w1.front() - course.floor, 1e-6);
    return {{"diverged", course.diverged},
            {"left", share},
            {"floor", course.floor},
            {"success", !course.diverged && share < success ? 1 : 0},
            {"curve", {{"x", course.steps}, {"y", course.w1}}}};
  }
  [[nodiscard]] Conclusion conclude(const std::vector<Outcome>& all, const StudySettings& s) const override;

 private:
  [[nodiscard]] std::string method(const StudySettings& s) const;
  [[nodiscard]] std::vector<Finding> findings(const std::vector<Outcome>& all, const StudySettings& s) const;
  [[nodiscard]] std::vector<Figure> figures(const std::vector<Outcome>& all, const StudySettings& s) const;
};

std::vector<StudyRun> Deep::runs(const StudySettings& s) const {
  std::vector<Arm> arms;
  const int steps = s.pick(3, 448, 4000);
  for (const int depth : depths(s)) {
    for (const std::string& activation : activations(s)) {
      for (const bool normalized : {false, true}) {
        const json common{{"data.kind", "gaussians8"},
                          {"generator.width", s.pick(8, 64, 128)},
                          {"critic.width", s.pick(8, 64, 128)},
                          {"critic.depth", depth},
                          {"critic.activation", activation},
                          {"train.batch", s.pick(8, 64, 256)},
                          {"train.steps", steps},
                          {"eval.every", std::max(1, steps / 4)},
                          {"eval.samples", s.pick(32, 256, 1024)}};
        json clip = common, penalty = common;
        clip.update({{"critic.constraint", "clip"},
                     {"clip.c", 0.1},
                     {"critic.norm", normalized ? "batch" : "none"},
                     {"generator.optimizer", "rmsprop"},
                     {"generator.learning_rate", 5e-4},
                     {"critic.optimizer", "rmsprop"},
                     {"critic.learning_rate", 5e-4}});
        penalty.update({{"critic.constraint", "penalty"},
                        {"critic.lambda", 0.1},
                        {"critic.norm", normalized ? "layer" : "none"},
                        {"generator.learning_rate", 1e-3},
                        {"critic.learning_rate", 1e-3}});
        const std::string cell = fmt::format("{}-{}-{}-", depth, activation, normalized ? "norm" : "plain");
        arms.push_back({cell + "clip", clip});
        arms.push_back({cell + "penalty", penalty});
        if (!normalized) add_further(arms, arms.back(), s, cell);  // as the penalty
      }
    }
  }
  for (const Arm& arm : recurrent_arms(s)) arms.push_back(arm);
  return every_seed(arms, s);
}

Conclusion Deep::conclude(const std::vector<Outcome>& all, const StudySettings& s) const {
  const std::vector<StudyRun> planned = runs(s);
  const auto told = [&](const Cells& meant) { return say(by_seed(all, planned, meant, "success")); };
  Conclusion result;
  result.method = {method(s)};
  result.findings = findings(all, s);
  result.figures = figures(all, s);
  result.meaning = {fmt::format("Share of the architectures that train: {} under clipping, {} under the penalty. Of "
                                "those of {} hidden layers or more: {} under clipping without normalization, {} with "
                                "batch norm; {} under the penalty without, {} with layer norm.",
                                told(cells("clip")), told(cells("penalty")), deep_from,
                                told(cells("clip", "none", deep_from)), told(cells("clip", "batch", deep_from)),
                                told(cells("penalty", "none", deep_from)), told(cells("penalty", "layer", deep_from))),
                    "The study knife-edge shows why depth is hard on clipping: one factor a layer, raised to the "
                    "depth, parts explosion from vanishing, and no single c suits all depths."};
  result.limits = {
      "Eight Gaussians, narrow critics and one c, the one that does best at three layers; another c would suit another "
      "depth. A critic counts as failed that does not get there within the steps given: with more of them some would.",
      "Batch norm stands in the clipped critic with its scales clipped, as in the released code; under the penalty, "
      "which is per sample, layer norm takes its place. Residual connections, which such depths have in practice, are "
      "left out."};
  conclude_recurrent(all, s, result);
  return result;
}

std::string Deep::method(const StudySettings& s) const {
  const json set = runs(s).front().settings.at("config");
  const auto whole = [&](const char* key) { return set.at(key).get<int64_t>(); };
  return fmt::format(
      "8 Gaussians; a generator of three hidden layers of {} ReLU; critics of width {}: {} hidden layers, activation "
      "{}, with normalization and without; {} generator steps with 5 critic steps each, batch {}. Clipping: c = 0.1, "
      "RMSProp 5e-4, batch norm; penalty: lambda 0.1, Adam 1e-3 (0.5, 0.9), layer norm; He's start. An architecture "
      "trains where exact W1 of {} samples, above the floor that two samples of the data have between them, ends under "
      "{} of its start. One number a seed: the share of architectures that train.",
      whole("generator.width"), whole("critic.width"), json(depths(s)).dump(), json(activations(s)).dump(),
      whole("train.steps"), whole("train.batch"), whole("eval.samples"), success);
}

std::vector<Finding> Deep::findings(const std::vector<Outcome>& all, const StudySettings& s) const {
  const std::vector<StudyRun> planned = runs(s);
  const auto rate = [&](const Cells& meant) { return by_seed(all, planned, meant, "success"); };
  const auto clip = means(all, planned, cells("clip"), "success");
  std::vector<double> differences;
  for (const auto& [seed, share] : means(all, planned, cells("penalty"), "success")) {
    if (clip.count(seed) > 0) differences.push_back(share - clip.at(seed));
  }
  const Reference often{"often fails, batch norm or not", "Gulrajani et al. 2017, in words"};
  std::vector<Finding> result{
      judge("architectures that train, penalty minus clipping, share", differences, {.low = gap}, s.needed(),
            {"of 200: the penalty alone 104, standard GAN alone 1, both 5",
             "Gulrajani et al. 2017, table (threshold 7)"}),
      judge("architectures that train under the penalty", rate(cells("penalty")), {.low = most}, s.needed(),
            {"most", "Gulrajani et al. 2017"}),
      judge(fmt::format("of {} layers and more, clipping, no normalization", deep_from),
            rate(cells("clip", "none", deep_from)), {.high = most}, s.needed(), often),
      judge(fmt::format("of {} layers and more, clipping, batch norm", deep_from),
            rate(cells("clip", "batch", deep_from)), {.high = most}, s.needed(), often),
      observe("architectures that train under clipping", rate(cells("clip")))};
  for (const Group& group : groups(s)) {
    for (const int depth : depths(s)) {
      result.push_back(observe(fmt::format("{} layers, {}", depth, group.text.label),
                               rate(cells(group.text.name, group.norm, depth, depth))));
    }
  }
  return result;
}

std::vector<Figure> Deep::figures(const std::vector<Outcome>& all, const StudySettings& s) const {
  const std::vector<StudyRun> planned = runs(s);
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
  for (const Group& group : groups(s)) {
    Series share = series_of(group.text), left = share;
    for (const int depth : depths(s)) {
      const Cells meant = cells(group.text.name, group.norm, depth, depth);
      add_point(share, by_seed(all, planned, meant, "success"));
      add_point(left, by_seed(all, planned, meant, "left"));
    }
    trained.series.push_back(share);
    distance.series.push_back(left);
  }
  return {
      {"trained.svg", "Mean and interval over the seeds.", trained},
      {"distance.svg",
       "The same trainings by the distance that is left; lower is better, above 1 is worse than the start.", distance}};
}

}  // namespace

std::unique_ptr<Study> make_deep() {
  return std::make_unique<Deep>();
}

}  // namespace kantor
