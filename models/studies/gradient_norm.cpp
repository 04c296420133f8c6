// Gradient norm: theory wants |grad D| = 1 almost everywhere between the distributions (Gulrajani et al. 2017,
// proposition 1); clipping gives a nearly constant norm far from 1.
#include "engine/random.h"
#include "models/metrics/histogram.h"
#include "models/studies/all.h"
#include "models/studies/arms.h"
#include "models/studies/held.h"
#include "models/training/probe.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace kantor {
namespace {

using nlohmann::json;

constexpr int64_t probes = 1024;
constexpr int moments = 60, late_moments = 30;
constexpr double far_from_one = 2;  // a factor, our own bar

const std::vector<ArmText> arms{{"clip-0.01", "clipping, c = 0.01", 0},
                                {"clip-0.1", "clipping, c = 0.1", 4},
                                {"penalty", "penalty, lambda 10", 1},
                                {"penalty-0.1", "penalty, lambda 0.1", 5}};
const std::vector<int> percentiles{5, 25, 50, 75, 95};

/// Mean, deviation and percentiles of the norms at the rows of x, under keys that begin with `place`.
void measure(json& numbers, const std::string& place, const std::vector<double>& norms) {
  const auto span = std::span<const double>(norms);
  const Summary summary = summarize(span);
  numbers[place + "_mean"] = summary.mean;
  numbers[place + "_deviation"] = summary.deviation;
  numbers[place + "_spread"] = summary.mean > 0 ? json(summary.deviation / summary.mean) : json();
  for (const int percent : percentiles)
    numbers[fmt::format("{}_p{}", place, percent)] = quantile(span, percent / 100.0);
}

class GradientNorm final : public Study {
 public:
  [[nodiscard]] std::string name() const override { return "gradient-norm"; }
  [[nodiscard]] std::string title() const override { return "The Lipschitz condition is met badly"; }
  [[nodiscard]] std::string claim() const override {
    return "An optimal critic has gradients of norm 1 almost everywhere between the two distributions. Under clipping "
           "the norms are nearly constant and far from 1; the gradient penalty brings them near 1.";
  }

  [[nodiscard]] std::vector<StudyRun> runs(const StudySettings& s) const override {
    const json common{{"data.kind", "swissroll"},
                      {"critic.width", s.pick(16, 512, 512)},
                      {"critic.depth", 3},
                      {"train.batch", s.pick(16, 256, 256)}};
    const json more{{"steps", s.pick(20, 300, 3000)}};
    std::vector<Arm> all;
    for (const double c : {0.01, 0.1}) {
      json config = common;
      config.update({{"critic.constraint", "clip"},
                     {"clip.c", c},
                     {"critic.optimizer", "rmsprop"},
                     {"critic.learning_rate", 5e-5}});
      all.push_back({fmt::format("clip-{}", c), config, more});
    }
    for (const double lambda : {10.0, 0.1}) {
      json config = common;
      config.update({{"critic.constraint", "penalty"}, {"critic.lambda", lambda}, {"critic.learning_rate", 1e-4}});
      all.push_back({lambda == 10 ? "penalty" : "penalty-0.1", config, more});
    }
    add_further(all, all[2], s);  // as the penalty of lambda 10
    return every_seed(all, s);
  }

  [[nodiscard]] json run(const json& settings, Device device, const std::filesystem::path&) const override {
    const RunConfig config = config_of(settings);
    const HeldGenerator data(config.data);
    CriticTrainer trainer = data.trainer(config, device);
    const TensorOptions options = trainer.critic().options();
    const Tensor real = HeldGenerator::draw(*data.real, config.seed, probes, options);
    const Tensor fake = HeldGenerator::draw(*data.fake, config.seed, probes, options);
    const Tensor zero = zeros({}, {DType::int64, device});
    const Tensor eps = uniform({probes}, static_cast<uint64_t>(config.seed), stream_evaluation_eps, zero);
    const Tensor between = interpolate(real, fake, eps).detach();

    const auto steps = settings.at("steps").get<int64_t>();
    json x = json::array(), y = json::array(), numbers;
    std::vector<double> norms;
    for (int moment = 0; moment <= moments; ++moment) {
      while (trainer.steps_done() < moment * steps / moments) trainer.step();
      norms = gradient_norms(trainer.critic(), between);
      x.push_back(trainer.steps_done());
      y.push_back(summarize(std::span<const double>(norms)).mean);
    }
    measure(numbers, "between", norms);
    double late = 0;  // a moment alone tells as much of Adam's last step (0.07 up or down) as of the critic
    for (int i = 0; i < late_moments; ++i) late += y[static_cast<size_t>(moments - i)].get<double>() / late_moments;
    numbers["between_late"] = late;
    measure(numbers, "real", gradient_norms(trainer.critic(), real));
    measure(numbers, "fake", gradient_norms(trainer.critic(), fake));
    numbers["curve"] = {{"x", x}, {"y", y}};
    for (double& norm : norms) norm = std::log10(std::max(norm, 1e-12));
    numbers["histogram"] = {
        {"low", -3}, {"high", 3}, {"counts", make_histogram(std::span<const double>(norms), -3, 3, 120).counts}};
    return numbers;
  }

  [[nodiscard]] Conclusion conclude(const std::vector<Outcome>& all, const StudySettings& s) const override {
    const auto between = [&](const char* arm) { return say(values_of(all, arm, "between_late")); };
    Conclusion result;
    result.method = {method(s)};
    result.findings = findings(all, s);
    result.figures = figures(all, s);
    result.meaning = {
        fmt::format("Mean norm between the distributions: {} at c = 0.01 and {} at c = 0.1 under clipping; {} under "
                    "the penalty with lambda 10, {} with lambda 0.1.",
                    between("clip-0.01"), between("clip-0.1"), between("penalty"), between("penalty-0.1")),
        "The estimate of W1 grows with K, the largest gradient norm. Under clipping K follows from c, the width and "
        "the depth, not from the data: the estimate has no unit, and the generator's gradient, which is the critic's "
        "at its samples, is as many times too weak or too strong as the norm is off 1."};
    result.limits = {
        "One data set and one architecture; the norm under clipping is a matter of c, width and depth together "
        "(knife-edge varies them). The norms are measured where the penalty acts; off these lines nothing holds them.",
        "\"Nearly constant\" is reported as the deviation over the mean and not judged: no paper says how constant."};
    return result;
  }

 private:
  [[nodiscard]] std::string method(const StudySettings& s) const;
  [[nodiscard]] static std::vector<Finding> findings(const std::vector<Outcome>& all, const StudySettings& s);
  [[nodiscard]] static std::vector<Figure> figures(const std::vector<Outcome>& all, const StudySettings& s);
};

std::string GradientNorm::method(const StudySettings& s) const {
  const json set = runs(s).front().settings;
  return fmt::format(
      "Swiss roll; the generator held fixed at data + N(0, I); a critic of three hidden layers of {} ReLU, He's start, "
      "no normalization; {} critic steps of batch {}. Clipping with c = 0.01 and c = 0.1, RMSProp 5e-5; penalty with "
      "lambda 10 and 0.1, Adam 1e-4 (0.5, 0.9). Then the norm of the critic's input gradient at {} points: real, "
      "generated, and between a real and a generated one at a uniform share of the way. The mean between is that of "
      "the last {} of {} moments, half of the training; the rest is of its end.",
      set["config"]["critic.width"].get<int64_t>(), set["steps"].get<int64_t>(),
      set["config"]["train.batch"].get<int64_t>(), probes, late_moments, moments);
}

std::vector<Finding> GradientNorm::findings(const std::vector<Outcome>& all, const StudySettings& s) {
  const char* theory = "Gulrajani et al. 2017, proposition 1";
  const char* words = "Gulrajani et al. 2017, section 3, in words";
  const auto off = [&](const char* arm) {  // decades from 1, either way
    std::vector<double> values = values_of(all, arm, "between_late");
    for (double& value : values) value = std::abs(std::log10(std::max(value, 1e-300)));
    return values;
  };
  std::vector<Finding> result{
      judge("mean norm between the distributions, penalty, lambda 10", values_of(all, "penalty", "between_late"),
            {0.9, 1.1}, s.needed(), {"near 1", theory}),
      judge("how far the mean is from 1, decades, clipping, c = 0.01", off("clip-0.01"),
            {.low = std::log10(far_from_one)}, s.needed(), {"far from 1", words}),
      judge("how far the mean is from 1, decades, clipping, c = 0.1", off("clip-0.1"),
            {.low = std::log10(far_from_one)}, s.needed(), {"far from 1", words})};
  for (const ArmText& arm : with_further(arms, s)) {
    const auto add = [&](const char* what, const char* key, const Reference& reference = {}) {
      result.push_back(observe(fmt::format("{}, {}", what, arm.label), values_of(all, arm.name, key), reference));
    };
    add("mean norm between", "between_late");
    add("deviation over mean between", "between_spread",
        arm.name.starts_with("clip") ? Reference{"nearly constant", words} : Reference{});
    add("mean norm at real samples", "real_mean");
    add("mean norm at generated samples", "fake_mean");
  }
  return result;
}

std::vector<Figure> GradientNorm::figures(const std::vector<Outcome>& all, const StudySettings& s) {
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
  for (const ArmText& arm : with_further(arms, s)) {
    over_time.series.push_back(mean_curve(all, arm, "curve"));
    histogram.series.push_back(mean_histogram(all, arm, "histogram"));
    Series series = series_of(arm);
    for (const int percent : percentiles) {
      series.x.push_back(percent);
      add_point(series, values_of(all, arm.name, fmt::format("between_p{}", percent)));
    }
    ranks.series.push_back(series);
  }
  return {{"over-time.svg", "Mean over the seeds with its 95 % band, on a logarithmic scale.", over_time},
          {"histogram.svg",
           "All points of all seeds. A narrow hill off 1 is a critic that slopes evenly, but in units of an unknown K.",
           histogram},
          {"percentiles.svg", "A flat line is a constant norm; a good critic's lies flat at 1.", ranks}};
}

}  // namespace

std::unique_ptr<Study> make_gradient_norm() {
  return std::make_unique<GradientNorm>();
}

}  // namespace kantor
