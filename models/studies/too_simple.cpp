// Too simple: a clipped critic, trained to a plateau against a generator that stands still, is too simple a function
// and misses higher moments of the data (Gulrajani et al. 2017, section 3 and figure 1).
#include "engine/op.h"
#include "engine/random.h"
#include "models/metrics/agreement.h"
#include "models/metrics/wasserstein.h"
#include "models/studies/all.h"
#include "models/studies/arms.h"
#include "models/studies/held.h"
#include "models/training/picture.h"
#include "models/training/probe.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace kantor {
namespace {

using nlohmann::json;

constexpr int moments = 16;
constexpr double better = 0.1;  // what a difference between constraints must come to: our own bar

const std::vector<ArmText> constraints{
    {"clip", "clipping, c = 0.01", 0}, {"penalty", "penalty, lambda 10", 1}, {"penalty-0.1", "penalty, lambda 0.1", 5}};

std::string title_of(const std::string& data) {
  return data == "gaussians8" ? "8 Gaussians" : data == "gaussians25" ? "25 Gaussians" : "Swiss roll";
}

/// Samples for measuring, and how they are best transported.
struct Ground {
  std::vector<float> real, fake;
  Transport transport;  // from fake to real
  [[nodiscard]] Tensor tensor(const std::vector<float>& points, TensorOptions options) const {
    return from_host(points, {static_cast<int64_t>(points.size() / 2), 2}, options);
  }
};

Ground make_ground(const HeldGenerator& data, int64_t seed, int64_t count) {
  const auto draw = [&](const Dataset& set) {
    return set.draw(static_cast<uint64_t>(seed), stream_evaluation_data, 0, count);
  };
  Ground ground{draw(*data.real), draw(*data.fake), {}};
  ground.transport = optimal_transport(ground.fake, ground.real, 2);
  return ground;
}

/// How the critic's gradients at the generated samples agree with the directions of the best transport, along which the
/// gradient of an optimal critic points with norm 1.
json compare_directions(const Network& critic, const Ground& ground) {
  std::vector<double> best(ground.fake.size());
  for (size_t i = 0; i < best.size(); i += 2) {
    const auto to = 2 * static_cast<size_t>(ground.transport.match[i / 2]);
    const double dx = static_cast<double>(ground.real[to]) - static_cast<double>(ground.fake[i]);
    const double dy = static_cast<double>(ground.real[to + 1]) - static_cast<double>(ground.fake[i + 1]);
    const double distance = std::max(std::hypot(dx, dy), 1e-30);
    best[i] = dx / distance;
    best[i + 1] = dy / distance;
  }
  const Tensor points = ground.tensor(ground.fake, critic.options());
  const Agreement found = compare_gradients(input_gradients(critic, points).to_vector<float>(), best, 2);
  return {{"cosine", found.cosine}, {"squared_error", found.squared_error}, {"norm", found.norm}};
}

class TooSimple final : public Study {
 public:
  [[nodiscard]] std::string name() const override { return "too-simple"; }
  [[nodiscard]] std::string title() const override { return "The clipped critic is too simple"; }
  [[nodiscard]] std::string claim() const override {
    return "A clipped critic settles on functions that are too simple: its value surface ignores the finer structure "
           "of the data (higher moments), its estimate falls short of the Wasserstein distance, and its gradient does "
           "not point from the generated samples to the data. A penalised critic of the same architecture does better.";
  }

  [[nodiscard]] std::vector<StudyRun> runs(const StudySettings& s) const override {
    std::vector<Arm> arms;
    for (const std::string& data : data_sets(s)) {
      const json common{{"data.kind", data},
                        {"critic.width", s.pick(16, 128, 512)},
                        {"critic.depth", 3},
                        {"train.batch", s.pick(16, 256, 256)}};
      const json more{{"steps", s.pick(16, 5000, 20000)}, {"points", s.pick(32, 1024, 2048)}};
      json config = common;
      config.update({{"critic.constraint", "clip"},
                     {"clip.c", 0.01},
                     {"critic.optimizer", "rmsprop"},
                     {"critic.learning_rate", clip_rate(s)}});
      arms.push_back({data + "-clip", config, more});
      for (const double lambda : {10.0, 0.1}) {
        config = common;
        config.update(
            {{"critic.constraint", "penalty"}, {"critic.lambda", lambda}, {"critic.learning_rate", penalty_rate(s)}});
        arms.push_back({data + (lambda == 10 ? "-penalty" : "-penalty-0.1"), config, more});
      }
      add_further(arms, arms[arms.size() - 2], s, data + "-");  // as the penalty of lambda 10
    }
    return every_seed(arms, s);
  }

  [[nodiscard]] json run(const json& settings, Device device, const std::filesystem::path& folder) const override {
    const RunConfig config = config_of(settings);
    const HeldGenerator data(config.data);
    CriticTrainer trainer = data.trainer(config, device);
    const Ground ground = make_ground(data, config.seed, settings.at("points").get<int64_t>());
    const Tensor real = ground.tensor(ground.real, trainer.critic().options());
    const Tensor fake = ground.tensor(ground.fake, trainer.critic().options());
    const auto seed = static_cast<uint64_t>(config.seed);
    const auto steps = settings.at("steps").get<int64_t>();
    json x = json::array(), y = json::array();
    for (int moment = 0; moment <= moments; ++moment) {
      while (trainer.steps_done() < moment * steps / moments) trainer.step();
      const double k = largest_gradient_norm(trainer.critic(), real, fake, seed);
      x.push_back(trainer.steps_done());
      y.push_back(k > 0 ? json(wasserstein_estimate(trainer.critic(), real, fake) / k / ground.transport.distance)
                        : json());
    }
    const Network& critic = trainer.critic();
    const double estimate = wasserstein_estimate(critic, real, fake),
                 k = largest_gradient_norm(critic, real, fake, seed);
    json numbers = compare_directions(critic, ground);
    numbers.update({{"w1", ground.transport.distance},
                    {"estimate", estimate},
                    {"raw_ratio", estimate / ground.transport.distance},
                    {"largest_norm", k},
                    {"ratio", y.back()},
                    {"curve", {{"x", x}, {"y", y}}}});
    const json& before = y[moments * 3 / 4];
    if (before.is_number() && y.back().is_number())
      numbers["last_quarter"] = y.back().get<double>() - before.get<double>();
    write_png(folder / "surface.png", draw_plane(critic, ground.real, ground.fake));
    return numbers;
  }

  [[nodiscard]] Conclusion conclude(const std::vector<Outcome>& all, const StudySettings& s) const override {
    Conclusion result;
    result.method = method(s);
    result.findings = findings(all, s);
    result.figures = figures(all, s);
    std::string cosines, ratios;
    for (const std::string& data : data_sets(s)) {
      const auto told = [&](const char* arm, const char* key) { return say(values_of(all, data + arm, key)); };
      cosines += fmt::format(" {}: {} under clipping, {} under the penalty.", title_of(data), told("-clip", "cosine"),
                             told("-penalty", "cosine"));
      ratios += fmt::format(" {}: {} against {}.", title_of(data), told("-clip", "ratio"), told("-penalty", "ratio"));
    }
    result.meaning = {
        "Cosine between the critic's gradient at a generated sample and the direction in which the best transport "
        "moves that sample (1 would be perfect; the generator follows this gradient)." +
            cosines,
        "Estimate divided by the critic's own largest gradient norm, as a share of the exact W1: what an equally steep "
        "critic could find at most is 1." +
            ratios};
    result.limits = {
        "The plane only. There the transport between data and data + noise is short and crooked, so that its "
        "directions are hard to hit: cosines of 1 are out of reach for any critic of finite size, and exact W1 of "
        "finite samples is above that of the distributions. What is compared is one critic against the other on the "
        "same samples.",
        "Each critic has its customary optimizer and rate, and the same number of steps; the table tells how much the "
        "estimate still changed in the last quarter of them. c = 0.01 is the published range; knife-edge and slow vary "
        "it.",
        "Whether a function is \"simple\" is not judged by a number of its own: the pictures show it."};
    return result;
  }

 private:
  /// A narrower critic settles in minutes at ten times the published rates.
  [[nodiscard]] static double clip_rate(const StudySettings& s) { return s.scale == Scale::full ? 5e-5 : 5e-4; }
  [[nodiscard]] static double penalty_rate(const StudySettings& s) { return s.scale == Scale::full ? 1e-4 : 1e-3; }
  [[nodiscard]] static std::vector<std::string> data_sets(const StudySettings& s) {
    if (s.scale == Scale::full) return {"gaussians8", "gaussians25", "swissroll"};
    return {"gaussians8", "swissroll"};
  }
  [[nodiscard]] std::vector<std::string> method(const StudySettings& s) const;
  [[nodiscard]] static std::vector<Finding> findings(const std::vector<Outcome>& all, const StudySettings& s);
  [[nodiscard]] static std::vector<Figure> figures(const std::vector<Outcome>& all, const StudySettings& s);
};

std::vector<std::string> TooSimple::method(const StudySettings& s) const {
  const json set = runs(s).front().settings;
  const auto points = set["points"].get<int64_t>();
  return {fmt::format(
      "The generator held fixed at data + N(0, I); a critic of three hidden layers of {} ReLU, He's start, no "
      "normalization; {} critic steps of batch {}. Clipping with c = 0.01, RMSProp {}; penalty with lambda 10 and 0.1, "
      "Adam {} (0.5, 0.9). Then {} real and {} generated samples that were not trained on: their exact W1 and best "
      "matching by network simplex; the critic's estimate on them; K, its largest gradient norm at them and between "
      "them; and its gradient at each generated sample against the direction to the matched real one.",
      set["config"]["critic.width"].get<int64_t>(), set["steps"].get<int64_t>(),
      set["config"]["train.batch"].get<int64_t>(), clip_rate(s), penalty_rate(s), points, points)};
}

std::vector<Finding> TooSimple::findings(const std::vector<Outcome>& all, const StudySettings& s) {
  const Reference figure_1{"", "Gulrajani et al. 2017, figure 1 (value surfaces)"};
  std::vector<Finding> result;
  for (const std::string& data : data_sets(s)) {
    const auto judged = [&](const char* what, const char* key) {
      result.push_back(judge(fmt::format("{}: {}, penalty (lambda 10) minus clipping", title_of(data), what),
                             differences(all, data + "-penalty", data + "-clip", key), {.low = better}, s.needed(),
                             figure_1));
    };
    judged("cosine with the best transport", "cosine");
    judged("estimate / K / exact W1", "ratio");
  }
  for (const std::string& data : data_sets(s)) {
    result.push_back(observe(title_of(data) + ": exact W1 of the samples", values_of(all, data + "-clip", "w1")));
    for (const ArmText& arm : with_further(constraints, s)) {
      const auto add = [&](const char* what, const char* key) {
        result.push_back(observe(fmt::format("{}: {}, {}", title_of(data), what, arm.label),
                                 values_of(all, data + "-" + arm.name, key)));
      };
      add("cosine with the best transport", "cosine");
      add("squared error against it", "squared_error");
      add("estimate / exact W1, raw", "raw_ratio");
      add("K", "largest_norm");
      add("estimate / K / exact W1", "ratio");
      add("its change over the last quarter of the steps", "last_quarter");
    }
  }
  return result;
}

std::vector<Figure> TooSimple::figures(const std::vector<Outcome>& all, const StudySettings& s) {
  std::vector<Figure> result;
  Chart cosines{.kind = Chart::Kind::bars,
                .title = "Does the gradient point along the best transport?",
                .x_label = "data",
                .y_label = "mean cosine"};
  for (const ArmText& arm : with_further(constraints, s)) {
    Series series = series_of(arm);
    for (const std::string& data : data_sets(s)) add_point(series, values_of(all, data + "-" + arm.name, "cosine"));
    cosines.series.push_back(series);
  }
  for (const std::string& data : data_sets(s)) cosines.categories.push_back(title_of(data));
  result.push_back({"cosine.svg", "Mean and interval over the seeds; 1 is perfect, 0 is any direction.", cosines});
  for (const std::string& data : data_sets(s)) {
    Chart ratios{.title = title_of(data) + ": estimate / K / exact W1",
                 .x_label = "critic steps",
                 .y_label = "share of W1",
                 .marks = {{1, "an optimal critic"}}};
    for (const ArmText& arm : with_further(constraints, s))
      ratios.series.push_back(mean_curve(all, {data + "-" + arm.name, arm.label, arm.colour, arm.dashed}, "curve"));
    result.push_back({data + "-ratio.svg", "Mean over the seeds with its 95 % band.", ratios});
  }
  for (const std::string& data : data_sets(s)) {
    for (const ArmText& arm : with_further(constraints, s)) {
      const auto outcomes = outcomes_of(all, data + "-" + arm.name);
      if (outcomes.empty()) continue;
      Figure figure{
          fmt::format("{}-{}.png", data, arm.name),
          "Value surface with its level sets, dark low and bright high; data white, generated samples orange.",
          {.title = fmt::format("{}, {}", title_of(data), arm.label)},
          outcomes.front()->id + "/surface.png"};
      result.push_back(figure);
    }
  }
  return result;
}

}  // namespace

std::unique_ptr<Study> make_too_simple() {
  return std::make_unique<TooSimple>();
}

}  // namespace kantor
