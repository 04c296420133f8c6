// Gradient norm: theory wants |grad D| = 1 almost everywhere between the distributions (Gulrajani et al. 2017,
// proposition 1); clipping gives a nearly constant norm far from 1.
#include "engine/random.h"
#include "models/metrics/histogram.h"
#include "models/studies/framework/arms.h"
#include "models/studies/framework/curve_run.h"
#include "models/studies/framework/outcomes.h"
#include "models/studies/framework/text.h"
#include "models/studies/gradient_norm/text.h"
#include "models/training/probe.h"
#include "models/training/random_streams.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <span>
#include <string>
#include <vector>

namespace kantor::gradient_norm {
namespace {

using nlohmann::json;

constexpr int64_t probes = 1024;
// A single evaluation tells as much about Adam's last step (0.07 up or down) as about the critic.
constexpr int evaluations = 60, late_evaluations = 30;
constexpr double far_from_one = 2;  // a factor, our own bar

const std::vector<int> percentiles{5, 25, 50, 75, 95};

std::vector<Arm> arms(const StudySettings& s) {
  const json common{{"data.kind", "swissroll"},
                    {"critic.width", s.pick(16, 512, 512)},
                    {"critic.depth", 3},
                    {"train.batch", s.pick(16, 256, 256)}};
  const json more{{"steps", s.pick(20, 300, 3000)}};
  std::vector<Arm> all{{"clip-0.01", "clipping, c = 0.01", colours::vermilion, clipped(common, 0.01, 5e-5), more},
                       {"clip-0.1", "clipping, c = 0.1", colours::orange, clipped(common, 0.1, 5e-5), more},
                       {"penalty", "penalty, lambda 10", colours::blue, penalised(common, 10, 1e-4), more},
                       {"penalty-0.1", "penalty, lambda 0.1", colours::sky, penalised(common, 0.1, 1e-4), more}};
  add_further(all, "penalty", s);
  return all;
}

/// Adds mean, standard deviation and percentiles of the norms, under keys that begin with `where`.
void add_norms(json& numbers, const std::string& where, const std::vector<double>& norms) {
  const auto span = std::span<const double>(norms);
  const Summary summary = summarize(span);
  numbers[where + "_mean"] = summary.mean;
  numbers[where + "_deviation"] = summary.deviation;
  numbers[where + "_spread"] = summary.mean > 0 ? json(summary.deviation / summary.mean) : json();
  for (const int percent : percentiles) {
    numbers[fmt::format("{}_p{}", where, percent)] = quantile(span, percent / 100.0);
  }
}

class Run final : public FrozenRun {
 public:
  Run(const json& settings, const RunPlace& place)
      : FrozenRun({config_of(settings), integer(settings, "steps"), evaluations}, place) {}

  void prepare() override {
    const TensorOptions options = critic().options();
    real_ = evaluation_samples(*data().real, seed(), probes, options);
    fake_ = evaluation_samples(*data().fake, seed(), probes, options);
    const Tensor zero = zeros({}, {DType::int64, options.device});
    const Tensor eps = uniform({probes}, static_cast<uint64_t>(seed()), stream_evaluation_eps, zero);
    between_ = interpolate(real_, fake_, eps).detach();
  }

  [[nodiscard]] json evaluate() override {
    norms_ = gradient_norms(critic(), between_);
    return summarize(std::span<const double>(norms_)).mean;
  }

  [[nodiscard]] json numbers(const TrainingCurve& curve) override {
    json numbers{{"between_late", curve.late_mean(late_evaluations)}, {"curve", curve.points()}};
    add_norms(numbers, "between", norms_);
    add_norms(numbers, "real", gradient_norms(critic(), real_));
    add_norms(numbers, "fake", gradient_norms(critic(), fake_));
    for (double& norm : norms_) norm = std::log10(std::max(norm, 1e-12));
    const Histogram histogram = make_histogram(std::span<const double>(norms_), -3, 3, 120);
    numbers["histogram"] = {{"low", -3}, {"high", 3}, {"counts", histogram.counts}};
    return numbers;
  }

 private:
  Tensor real_, fake_, between_;
  std::vector<double> norms_;  // between, at the last evaluation
};

/// Decades between the mean norm and 1, up or down.
std::vector<double> decades_from_one(const std::vector<Outcome>& all, const std::string& arm) {
  std::vector<double> values = values_of(all, arm, "between_late");
  for (double& value : values) value = std::abs(std::log10(std::max(value, 1e-300)));
  return values;
}

std::vector<Finding> findings(const std::vector<Outcome>& all, const StudySettings& s) {
  const Bar far{.low = std::log10(far_from_one)};
  std::vector<Finding> result{
      judge("mean norm between the distributions, penalty, lambda 10", values_of(all, "penalty", "between_late"),
            {0.9, 1.1}, s.needed(), {"near 1", text::theory}),
      judge("how far the mean is from 1, decades, clipping, c = 0.01", decades_from_one(all, "clip-0.01"), far,
            s.needed(), {"far from 1", text::section_3}),
      judge("how far the mean is from 1, decades, clipping, c = 0.1", decades_from_one(all, "clip-0.1"), far,
            s.needed(), {"far from 1", text::section_3})};
  for (const Arm& arm : arms(s)) {
    const auto add = [&](const char* what, const char* key, const Reference& reference = {}) {
      result.push_back(observe(fmt::format("{}, {}", what, arm.label), values_of(all, arm.name, key), reference));
    };
    const bool is_clipped = arm.config.at("critic.constraint") == "clip";
    add("mean norm between", "between_late");
    add("deviation over mean between", "between_spread",
        is_clipped ? Reference{"nearly constant", text::section_3} : Reference{});
    add("mean norm at real samples", "real_mean");
    add("mean norm at generated samples", "fake_mean");
  }
  return result;
}

std::vector<Figure> figures(const std::vector<Outcome>& all, const StudySettings& s) {
  Chart over_time{.title = "Mean gradient norm between the distributions",
                  .x_label = "critic steps",
                  .y_label = "norm",
                  .log_y = true,
                  .marks = {{1, "1, where theory wants it"}}};
  Chart histogram{.kind = Chart::Kind::histogram,
                  .title = "Gradient norms between the distributions, after training",
                  .x_label = "log10 of the norm",
                  .y_label = "share of the points",
                  .marks = {{0, "norm 1", true}}};
  Chart ranks{.title = "Percentiles of the norm between the distributions",
              .x_label = "percentile",
              .y_label = "norm",
              .log_y = true,
              .marks = {{1, "1"}}};
  for (const Arm& arm : arms(s)) {
    over_time.series.push_back(mean_curve(all, arm, "curve"));
    histogram.series.push_back(mean_histogram(all, arm, "histogram"));
    Series series = series_of(arm);
    for (const int percent : percentiles) {
      series.x.push_back(percent);
      add_point(series, values_of(all, arm.name, fmt::format("between_p{}", percent)));
    }
    ranks.series.push_back(series);
  }
  return {{"over-time.svg", text::over_time_caption, over_time},
          {"histogram.svg", text::histogram_caption, histogram},
          {"percentiles.svg", text::percentiles_caption, ranks}};
}

Conclusion conclude(const std::vector<Outcome>& all, const StudySettings& s) {
  const Arm any = arms(s).front();  // all have these settings in common
  const auto between = [&](const char* arm) { return say(all, arm, "between_late"); };
  Conclusion result;
  result.method = {fill(text::method, arg("width", integer(any.config, "critic.width")),
                        arg("steps", integer(any.more, "steps")), arg("batch", integer(any.config, "train.batch")),
                        arg("probes", probes), arg("late", late_evaluations), arg("evaluations", evaluations))};
  result.findings = findings(all, s);
  result.figures = figures(all, s);
  result.meaning = {fill(text::meaning, arg("clip_narrow", between("clip-0.01")), arg("clip_wide", between("clip-0.1")),
                         arg("penalty", between("penalty")), arg("weak_penalty", between("penalty-0.1"))),
                    text::meaning_unit};
  result.limits = {text::limit_one_setting, text::limit_constant};
  return result;
}

}  // namespace

Study study() {
  return {"gradient-norm", text::title, text::claim, arms, {}, conclude, build_run<Run>};
}

}  // namespace kantor::gradient_norm
