// Too simple: a clipped critic, trained to a plateau against a frozen generator, is too simple a function and misses
// higher moments of the data (Gulrajani et al. 2017, section 3 and figure 1).
#include "engine/random.h"
#include "models/files/png.h"
#include "models/metrics/agreement.h"
#include "models/metrics/wasserstein.h"
#include "models/studies/framework/arms.h"
#include "models/studies/framework/curve_run.h"
#include "models/studies/framework/outcomes.h"
#include "models/studies/framework/text.h"
#include "models/studies/too_simple/text.h"
#include "models/training/picture.h"
#include "models/training/probe.h"
#include "models/training/random_streams.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <string>
#include <utility>
#include <vector>

namespace kantor::too_simple {
namespace {

using nlohmann::json;

constexpr int evaluations = 16;
constexpr double better = 0.1;  // the least difference between constraints: our own bar

struct DataSet {
  std::string kind, title;
};

std::vector<DataSet> data_sets(const StudySettings& s) {
  const DataSet ring{"gaussians8", "8 Gaussians"}, grid{"gaussians25", "25 Gaussians"}, roll{"swissroll", "Swiss roll"};
  if (s.scale == Scale::full) return {ring, grid, roll};
  return {ring, roll};
}

/// A narrower critic settles in minutes at ten times the published rates.
double clip_rate(const StudySettings& s) {
  return s.scale == Scale::full ? 5e-5 : 5e-4;
}
double penalty_rate(const StudySettings& s) {
  return s.scale == Scale::full ? 1e-4 : 1e-3;
}

/// Named "<data>-<constraint>".
std::vector<Arm> arms_on(const DataSet& data, const StudySettings& s) {
  const json common{{"data.kind", data.kind},
                    {"critic.width", s.pick(16, 128, 512)},
                    {"critic.depth", 3},
                    {"train.batch", s.pick(16, 256, 256)}};
  const json more{{"steps", s.pick(16, 5000, 20000)}, {"points", s.pick(32, 1024, 2048)}};
  const std::string on = data.kind + "-";
  std::vector<Arm> arms{
      {on + "clip", "clipping, c = 0.01", colours::vermilion, clipped(common, 0.01, clip_rate(s)), more},
      {on + "penalty", "penalty, lambda 10", colours::blue, penalised(common, 10, penalty_rate(s)), more},
      {on + "penalty-0.1", "penalty, lambda 0.1", colours::sky, penalised(common, 0.1, penalty_rate(s)), more}};
  add_further(arms, on + "penalty", s, on);
  return arms;
}

std::vector<Arm> all_arms(const StudySettings& s) {
  std::vector<Arm> all;
  for (const DataSet& data : data_sets(s)) {
    for (Arm& arm : arms_on(data, s)) all.push_back(std::move(arm));
  }
  return all;
}

/// Samples for measuring, and how they are best transported.
struct Samples {
  std::vector<float> real, fake;
  Transport transport;  // from fake to real
};

Samples draw_samples(const FrozenGenerator& data, int64_t seed, int64_t count) {
  const auto draw = [&](const Dataset& set) {
    return set.draw(static_cast<uint64_t>(seed), stream_evaluation_data, 0, count);
  };
  Samples samples{draw(*data.real), draw(*data.fake), {}};
  samples.transport = optimal_transport(samples.fake, samples.real, 2);
  return samples;
}

Tensor to_tensor(const std::vector<float>& points, TensorOptions options) {
  return from_host(points, {static_cast<int64_t>(points.size() / 2), 2}, options);
}

/// How the critic's gradients at the generated samples agree with the directions of the best transport, along which the
/// gradient of an optimal critic points with norm 1.
json compare_directions(const Network& critic, const Samples& samples) {
  std::vector<double> best(samples.fake.size());
  for (size_t i = 0; i < best.size(); i += 2) {
    const auto to = 2 * static_cast<size_t>(samples.transport.match[i / 2]);
    const double dx = static_cast<double>(samples.real[to]) - static_cast<double>(samples.fake[i]);
    const double dy = static_cast<double>(samples.real[to + 1]) - static_cast<double>(samples.fake[i + 1]);
    const double distance = std::max(std::hypot(dx, dy), 1e-30);
    best[i] = dx / distance;
    best[i + 1] = dy / distance;
  }
  const Tensor points = to_tensor(samples.fake, critic.options());
  const Agreement found = compare_gradients(input_gradients(critic, points).to_vector<float>(), best, 2);
  return {{"cosine", found.cosine}, {"squared_error", found.squared_error}, {"norm", found.norm}};
}

class Run final : public FrozenRun {
 public:
  Run(const json& settings, const RunPlace& place)
      : FrozenRun({config_of(settings), integer(settings, "steps"), evaluations}, place),
        points_(integer(settings, "points")),
        folder_(place.folder) {}

  void prepare() override {
    samples_ = draw_samples(data(), seed(), points_);
    real_ = to_tensor(samples_.real, critic().options());
    fake_ = to_tensor(samples_.fake, critic().options());
  }

  [[nodiscard]] json evaluate() override {
    estimate_ = wasserstein_estimate(critic(), real_, fake_);
    k_ = largest_gradient_norm(critic(), real_, fake_, static_cast<uint64_t>(seed()));
    return k_ > 0 ? json(estimate_ / k_ / samples_.transport.distance) : json();
  }

  [[nodiscard]] json numbers(const TrainingCurve& curve) override {
    json numbers = compare_directions(critic(), samples_);
    const json &ratio = curve.measured.back(), &before = curve.measured[evaluations * 3 / 4];
    numbers.update({{"w1", samples_.transport.distance},
                    {"estimate", estimate_},
                    {"raw_ratio", estimate_ / samples_.transport.distance},
                    {"largest_norm", k_},
                    {"ratio", ratio},
                    {"curve", curve.points()}});
    if (before.is_number() && ratio.is_number()) {
      numbers["last_quarter"] = ratio.get<double>() - before.get<double>();
    }
    write_png(folder_ / "surface.png", draw_plane(critic(), samples_.real, samples_.fake));
    return numbers;
  }

 private:
  int64_t points_;
  std::filesystem::path folder_;
  Samples samples_;
  Tensor real_, fake_;
  double estimate_ = 0, k_ = 0;  // at the last evaluation
};

std::vector<Finding> findings(const std::vector<Outcome>& all, const StudySettings& s) {
  std::vector<Finding> result;
  for (const DataSet& data : data_sets(s)) {
    const auto judged = [&](const char* what, const char* key) {
      result.push_back(judge(fmt::format("{}: {}, penalty (lambda 10) minus clipping", data.title, what),
                             differences(all, data.kind + "-penalty", data.kind + "-clip", key), {.low = better},
                             s.needed(), {"", text::figure_1}));
    };
    judged("cosine with the best transport", "cosine");
    judged("estimate / K / exact W1", "ratio");
  }
  for (const DataSet& data : data_sets(s)) {
    result.push_back(observe(data.title + ": exact W1 of the samples", values_of(all, data.kind + "-clip", "w1")));
    for (const Arm& arm : arms_on(data, s)) {
      const auto add = [&](const char* what, const char* key) {
        result.push_back(
            observe(fmt::format("{}: {}, {}", data.title, what, arm.label), values_of(all, arm.name, key)));
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

/// Bars of the cosine by data set, a series a constraint.
Chart cosine_chart(const std::vector<Outcome>& all, const StudySettings& s) {
  Chart chart{.kind = Chart::Kind::bars,
              .title = "Does the gradient point along the best transport?",
              .x_label = "data",
              .y_label = "mean cosine"};
  for (const DataSet& data : data_sets(s)) add_bars(chart, data.title, all, arms_on(data, s), "cosine");
  return chart;
}

std::vector<Figure> figures(const std::vector<Outcome>& all, const StudySettings& s) {
  std::vector<Figure> result{{"cosine.svg", text::cosine_caption, cosine_chart(all, s)}};
  for (const DataSet& data : data_sets(s)) {
    Chart ratios{.title = data.title + ": estimate / K / exact W1",
                 .x_label = "critic steps",
                 .y_label = "share of W1",
                 .marks = {{1, "an optimal critic"}}};
    for (const Arm& arm : arms_on(data, s)) ratios.series.push_back(mean_curve(all, arm, "curve"));
    result.push_back({data.kind + "-ratio.svg", text::ratio_caption, ratios});
  }
  for (const DataSet& data : data_sets(s)) {
    for (const Arm& arm : arms_on(data, s)) {
      const Outcome* first = first_outcome(all, arm.name);
      if (first == nullptr) continue;
      result.push_back({arm.name + ".png",
                        text::surface_caption,
                        {.title = fmt::format("{}, {}", data.title, arm.label)},
                        first->id + "/surface.png"});
    }
  }
  return result;
}

Conclusion conclude(const std::vector<Outcome>& all, const StudySettings& s) {
  const Arm any = all_arms(s).front();  // all have these settings in common
  Conclusion result;
  result.method = {fill(text::method, arg("width", integer(any.config, "critic.width")),
                        arg("steps", integer(any.more, "steps")), arg("batch", integer(any.config, "train.batch")),
                        arg("clip_rate", clip_rate(s)), arg("penalty_rate", penalty_rate(s)),
                        arg("points", integer(any.more, "points")))};
  result.findings = findings(all, s);
  result.figures = figures(all, s);
  std::string cosines = text::meaning_cosine, ratios = text::meaning_ratio;
  for (const DataSet& data : data_sets(s)) {
    const auto add = [&](std::string& to, const char* sentence, const char* key) {
      to += fill(sentence, arg("data", data.title), arg("clip", say(all, data.kind + "-clip", key)),
                 arg("penalty", say(all, data.kind + "-penalty", key)));
    };
    add(cosines, text::meaning_cosine_of_data, "cosine");
    add(ratios, text::meaning_ratio_of_data, "ratio");
  }
  result.meaning = {cosines, ratios};
  result.limits = {text::limit_plane, text::limit_training, text::limit_simple};
  return result;
}

}  // namespace

Study study() {
  return {"too-simple", text::title, text::claim, all_arms, {}, conclude, build_run<Run>};
}

}  // namespace kantor::too_simple
