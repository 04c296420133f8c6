// Samples: what the generator makes in the end, under clipping and under the penalty, on mixtures whose modes can be
// counted (measures of PacGAN, Lin et al. 2018), and on images (image_samples.h).
#include "models/studies/all.h"
#include "models/studies/arms.h"
#include "models/studies/course.h"
#include "models/studies/image_samples.h"

#include <fmt/format.h>

namespace kantor {
namespace {

using nlohmann::json;

constexpr size_t late = 3;               // evaluations at the end that are averaged
constexpr double better_quality = 0.05;  // share of the samples: our own bar
constexpr double better_floors = 0.1;

const std::vector<ArmText> constraints{{"clip-0.01", "clipping, c = 0.01", 0},
                                       {"clip-0.1", "clipping, c = 0.1", 4},
                                       {"penalty", "penalty, lambda 0.1", 1}};

struct Mixed {
  const char *data, *title;
  double modes;
};
constexpr Mixed mixtures[] = {{"gaussians8", "8 Gaussians", 8}, {"gaussians25", "25 Gaussians", 25}};

class Samples final : public Study {
 public:
  [[nodiscard]] std::string name() const override { return "samples"; }
  [[nodiscard]] std::string title() const override { return "Samples get worse under clipping"; }
  [[nodiscard]] std::string claim() const override {
    return "On complex data a generator trained against a clipped critic makes worse samples than one trained against "
           "a penalised critic of the same architecture.";
  }

  [[nodiscard]] std::vector<StudyRun> runs(const StudySettings& s) const override {
    std::vector<Arm> arms;
    for (const Mixed& mixture : mixtures) {
      const int steps = s.pick(6, 1100, 20000);
      const json common{{"data.kind", mixture.data},
                        {"generator.width", s.pick(16, 128, 128)},
                        {"critic.width", s.pick(16, 128, 128)},
                        {"train.batch", s.pick(16, 256, 256)},
                        {"train.steps", steps},
                        {"eval.every", std::max(1, steps / 12)},
                        {"eval.samples", s.pick(32, 512, 1024)}};
      for (const double c : {0.01, 0.1}) {
        json config = common;
        config.update({{"critic.constraint", "clip"}, {"clip.c", c}});
        for (const char* net : {"generator", "critic"}) {
          config.update({{std::string(net) + ".optimizer", "rmsprop"}, {std::string(net) + ".learning_rate", 5e-4}});
        }
        arms.push_back({fmt::format("{}-clip-{}", mixture.data, c), config});
      }
      json config = common;
      config.update({{"critic.constraint", "penalty"},
                     {"critic.lambda", 0.1},
                     {"generator.learning_rate", 1e-3},
                     {"critic.learning_rate", 1e-3}});
      arms.push_back({fmt::format("{}-penalty", mixture.data), config});
      add_further(arms, arms.back(), s, fmt::format("{}-", mixture.data));  // as the penalty
    }
    for (Arm& arm : image_arms(s)) arms.push_back(std::move(arm));
    return every_seed(arms, s);
  }

  [[nodiscard]] json run(const json& settings, Device device, const std::filesystem::path&) const override;
  [[nodiscard]] Conclusion conclude(const std::vector<Outcome>& all, const StudySettings& s) const override;

 private:
  [[nodiscard]] std::string method(const StudySettings& s) const;
  [[nodiscard]] static std::vector<Finding> findings(const std::vector<Outcome>& all, const StudySettings& s);
  [[nodiscard]] static std::vector<Figure> figures(const std::vector<Outcome>& all, const StudySettings& s);
};

json Samples::run(const json& settings, Device device, const std::filesystem::path& folder) const {
  if (is_image_arm(settings)) return run_image_arm(settings, device, folder);
  const Course course = train_course(config_of(settings), device, 8);
  json numbers{{"diverged", course.diverged},
               {"floor", course.floor},
               {"curve", {{"x", course.steps}, {"y", course.w1}}},
               {"floors", late_mean(course, "w1", late) / course.floor}};
  for (const char* key : {"modes", "high_quality", "reverse_kl", "w1"}) numbers[key] = late_mean(course, key, late);
  numbers["quality_curve"] = {{"x", course.steps}, {"y", values_along(course, "high_quality")}};
  return numbers;
}

Conclusion Samples::conclude(const std::vector<Outcome>& all, const StudySettings& s) const {
  Conclusion result;
  result.method = {method(s)};
  result.findings = findings(all, s);
  result.figures = figures(all, s);
  for (const Mixed& mixture : mixtures) {
    const auto told = [&](const char* arm, const char* key) {
      return say(values_of(all, std::string(mixture.data) + arm, key));
    };
    result.meaning.push_back(
        fmt::format("{}: {} of the samples are of high quality under the penalty, {} under clipping with c = 0.1, {} "
                    "with c = 0.01; W1 ends at {}, {} and {} floors. Of {} modes {}, {} and {} are captured.",
                    mixture.title, told("-penalty", "high_quality"), told("-clip-0.1", "high_quality"),
                    told("-clip-0.01", "high_quality"), told("-penalty", "floors"), told("-clip-0.1", "floors"),
                    told("-clip-0.01", "floors"), mixture.modes, told("-penalty", "modes"), told("-clip-0.1", "modes"),
                    told("-clip-0.01", "modes")));
  }
  result.limits = {
      "Two mixtures in the plane, at a given number of steps: with more of them every arm goes on getting better. Each "
      "constraint has its customary optimizer and rate, so that not the constraint alone differs.",
      "A mode counts as captured with a single sample near it, and data plus wide noise captures all of them: modes "
      "say little without the share of high quality."};
  conclude_images(all, s, result);
  return result;
}

std::string Samples::method(const StudySettings& s) const {
  const json set = runs(s).front().settings.at("config");
  const auto whole = [&](const char* key) { return set.at(key).get<int64_t>(); };
  return fmt::format(
      "8 and 25 Gaussians; generator and critic each of three hidden layers of {} ReLU; {} generator steps with 5 "
      "critic steps each, batch {}. Clipping with c = 0.01 and 0.1, RMSProp 5e-4; penalty with lambda 0.1, Adam 1e-3 "
      "(0.5, 0.9); sampled from the running average of the generator's weights (0.98). The measures are means over the "
      "last {} of 12 evaluations: of 2,500 samples the share within 3 sigma of a mode (high quality), the modes with "
      "at least one of these, the KL divergence of the modes' histogram from the uniform one, and exact W1 of {} "
      "samples over its floor, which is what two samples of the data themselves have.",
      whole("generator.width"), whole("train.steps"), whole("train.batch"), late, whole("eval.samples"));
}

std::vector<Finding> Samples::findings(const std::vector<Outcome>& all, const StudySettings& s) {
  const Reference words{"better under the penalty", "Gulrajani et al. 2017, section 5 (images)"};
  std::vector<Finding> result;
  for (const Mixed& mixture : mixtures) {
    const std::string data = mixture.data, title = mixture.title;
    for (const char* c : {"0.1", "0.01"}) {
      const std::string clip = fmt::format("{}-clip-{}", data, c);
      result.push_back(judge(fmt::format("{}: high quality, penalty minus clipping (c = {})", title, c),
                             differences(all, data + "-penalty", clip, "high_quality"), {.low = better_quality},
                             s.needed(), words));
      result.push_back(judge(fmt::format("{}: W1 in floors, clipping (c = {}) minus penalty", title, c),
                             differences(all, clip, data + "-penalty", "floors"), {.low = better_floors}, s.needed(),
                             words));
    }
  }
  for (const Mixed& mixture : mixtures) {
    const bool ring = mixture.modes == 8;
    for (const ArmText& arm : with_further(constraints, s)) {
      const auto add = [&](const char* what, const char* key, const char* plain_gan) {
        result.push_back(observe(fmt::format("{}: {}, {}", mixture.title, what, arm.label),
                                 values_of(all, fmt::format("{}-{}", mixture.data, arm.name), key),
                                 {fmt::format("plain GAN {}", plain_gan), "PacGAN, Lin et al. 2018"}));
      };
      add("modes", "modes", ring ? "6.3" : "17.3");
      add("high quality", "high_quality", ring ? "0.982" : "0.948");
      add("reverse KL", "reverse_kl", ring ? "0.45" : "0.70");
    }
  }
  return result;
}

std::vector<Figure> Samples::figures(const std::vector<Outcome>& all, const StudySettings& s) {
  std::vector<Figure> result;
  for (const Mixed& mixture : mixtures) {
    Chart quality{.title = fmt::format("{}: samples of high quality", mixture.title),
                  .x_label = "generator steps",
                  .y_label = "share within 3 sigma of a mode"};
    Chart distance{.title = fmt::format("{}: exact W1 from the data", mixture.title),
                   .x_label = "generator steps",
                   .y_label = "W1",
                   .log_y = true};
    for (ArmText arm : with_further(constraints, s)) {
      arm.name = fmt::format("{}-{}", mixture.data, arm.name);
      quality.series.push_back(mean_curve(all, arm, "quality_curve"));
      distance.series.push_back(mean_curve(all, arm, "curve"));
    }
    const auto floors = values_of(all, fmt::format("{}-penalty", mixture.data), "floor");
    if (!floors.empty()) distance.marks = {{floors.front(), "floor: data against data"}};
    result.push_back({fmt::format("{}-quality.svg", mixture.data),
                      "Mean over the seeds with its 95 % band; of the data themselves it would be 0.989.", quality});
    result.push_back({fmt::format("{}-w1.svg", mixture.data), "The same trainings by W1; lower is better.", distance});
  }
  return result;
}

}  // namespace

std::unique_ptr<Study> make_samples() {
  return std::make_unique<Samples>();
}

}  // namespace kantor
