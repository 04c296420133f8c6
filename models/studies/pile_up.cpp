// Pile-up: weight clipping drives weights to the two ends of their range (Gulrajani et al. 2017, section 3 and figure
// 1b).
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
using Firing = std::vector<std::vector<bool>>;  // of each hidden layer's units

constexpr double c = 0.01, near_the_end = 0.999;
constexpr int bins = 50, moments = 16;
constexpr int64_t probes = 2048;

const std::vector<ArmText> arms{
    {"clip", "weight clipping", 0}, {"penalty", "penalty, same start", 1}, {"penalty-he", "penalty, He's start", 2}};

/// How a critic's weight matrices lie in their range: [-c, c] under clipping, else what the layer's largest spans.
struct Spread {
  double at_end = 0, below = 0, all = 0, largest = 0;  // weights; below: at the negative end
  double live_at_end = 0, live = 0;                    // of those between units that fire
  json layer_shares = json::array(), live_layer_shares = json::array(), names = json::array();
  std::vector<double> relative;  // every weight over the end of its range
};

/// Adds the `layer`-th weight matrix [out, in]. A weight from or to a unit that never fires has no gradient.
void add_layer(Spread& spread, const ArenaRow& row, const std::vector<double>& weights, size_t layer,
               const Firing& firing) {
  const auto inputs = static_cast<size_t>(row.shape[1]);
  double largest = 0, at_end = 0, below = 0, live_at_end = 0, live = 0;
  for (const double w : weights) largest = std::max(largest, std::abs(w));
  const double end = std::isfinite(row.bound) ? row.bound : std::max(largest, 1e-300);
  // The score always counts as firing, and so does every unit of a critic without ReLU.
  const auto fires = [&](size_t l, size_t unit) { return l >= firing.size() || firing[l][unit]; };
  for (size_t k = 0; k < weights.size(); ++k) {
    const bool here = std::abs(weights[k]) >= near_the_end * end;
    const bool lives = (layer == 0 || fires(layer - 1, k % inputs)) && fires(layer, k / inputs);
    at_end += here ? 1 : 0;
    below += here && weights[k] < 0 ? 1 : 0;
    live_at_end += here && lives ? 1 : 0;
    live += lives ? 1 : 0;
    spread.relative.push_back(weights[k] / end);
  }
  spread.names.push_back(row.name);
  spread.layer_shares.push_back(at_end / static_cast<double>(weights.size()));
  spread.live_layer_shares.push_back(live > 0 ? json(live_at_end / live) : json());
  spread.largest = std::max(spread.largest, largest);
  spread.at_end += at_end;
  spread.below += below;
  spread.all += static_cast<double>(weights.size());
  spread.live_at_end += live_at_end;
  spread.live += live;
}

Spread measure(const Network& critic, const Firing& firing) {
  Spread spread;
  size_t layer = 0;
  for (size_t i = 0; i < critic.roles().size(); ++i) {
    if (critic.roles()[i].bias || critic.roles()[i].norm) continue;
    add_layer(spread, critic.parameters().rows()[i], critic.parameters().tensors()[i].to_vector<double>(), layer++,
              firing);
  }
  return spread;
}

/// Share of the hidden units that never fire.
double dead_share(const Firing& firing) {
  double dead = 0, all = 0;
  for (const auto& layer : firing) {
    dead += static_cast<double>(std::count(layer.begin(), layer.end(), false));
    all += static_cast<double>(layer.size());
  }
  return all > 0 ? dead / all : 0;
}

class PileUp final : public Study {
 public:
  [[nodiscard]] std::string name() const override { return "pile-up"; }
  [[nodiscard]] std::string title() const override { return "Weights pile up at the ends of their range"; }
  [[nodiscard]] std::string claim() const override {
    return "Clipping pushes the critic's weights to the two extremes of the allowed range, so that the critic uses a "
           "poor part of what its architecture could express; under a gradient penalty the weights keep a bell shape.";
  }

  [[nodiscard]] std::vector<StudyRun> runs(const StudySettings& s) const override {
    const json common{{"data.kind", "swissroll"},
                      {"critic.width", s.pick(16, 512, 512)},
                      {"critic.depth", 3},
                      {"train.batch", s.pick(16, 256, 256)}};
    const json more{{"steps", s.pick(20, 700, 2500)}};
    json clip = common, penalty = common;
    clip.update({{"critic.constraint", "clip"},
                 {"clip.c", c},
                 {"critic.initialization", "box"},
                 {"critic.optimizer", "rmsprop"},
                 {"critic.learning_rate", 5e-5}});
    penalty.update({{"critic.constraint", "penalty"}, {"critic.lambda", 10}, {"critic.learning_rate", 1e-4}});
    json same_start = penalty;
    same_start.update({{"critic.initialization", "box"}, {"clip.c", c}});
    std::vector<Arm> all{{"clip", clip, more}, {"penalty", same_start, more}, {"penalty-he", penalty, more}};
    add_further(all, all[2], s);
    return every_seed(all, s);
  }

  [[nodiscard]] json run(const json& settings, Device device, const std::filesystem::path&) const override {
    const RunConfig config = config_of(settings);
    const HeldGenerator data(config.data);
    CriticTrainer trainer = data.trainer(config, device);
    const auto steps = settings.at("steps").get<int64_t>();
    const Tensor probe = HeldGenerator::draw(*data.fake, config.seed, probes, trainer.critic().options());
    json x = json::array(), y = json::array();
    Firing firing;
    Spread spread;
    for (int moment = 0; moment <= moments; ++moment) {
      while (trainer.steps_done() < moment * steps / moments) trainer.step();
      firing = firing_units(trainer.critic(), probe);
      spread = measure(trainer.critic(), firing);
      x.push_back(trainer.steps_done());
      y.push_back(spread.at_end / spread.all);
    }
    const Histogram histogram = make_histogram(std::span<const double>(spread.relative), -1, 1, bins);
    return {{"share", y.back()},
            {"share_at_start", y.front()},
            {"share_below", spread.below / spread.all},
            {"live_share", spread.live > 0 ? json(spread.live_at_end / spread.live) : json()},
            {"largest", spread.largest},
            {"layers", spread.names},
            {"layer_shares", spread.layer_shares},
            {"live_layer_shares", spread.live_layer_shares},
            {"dead", dead_share(firing)},
            {"estimate", trainer.losses().critic_estimate},
            {"curve", {{"x", x}, {"y", y}}},
            {"histogram", {{"low", -1}, {"high", 1}, {"counts", histogram.counts}}}};
  }

  [[nodiscard]] Conclusion conclude(const std::vector<Outcome>& all, const StudySettings& s) const override {
    const auto value = [&](const char* arm, const char* key) { return values_of(all, arm, key); };
    Conclusion result;
    result.method = {method(s)};
    result.findings = findings(all, s);
    result.figures = figures(all, s);
    const std::string numbers =
        fmt::format("{} of the weights end at -c or c; under the penalty {} from the same start.",
                    say(value("clip", "share")), say(value("penalty", "share")));
    result.meaning = {
        result.findings.front().verdict == Verdict::shown
            ? numbers +
                  " A weight at the wall has lost its size: it is left with its sign, and the critic is pushed towards "
                  "a network of weights -c and c. Nothing of this is in the data: it is a gradient that pushes one way "
                  "for ever, against a wall."
            : numbers + " In these settings the pile-up does not reach the bar.",
        fmt::format("Of the weights between units that fire, {} are at the end. The rest of the critic lies still: {} "
                    "of the units never fire on any sample ({} under the penalty from the same start), so that no "
                    "gradient reaches the weights round them.",
                    say(value("clip", "live_share")), say(value("clip", "dead")), say(value("penalty", "dead")))};
    result.limits = {
        "One data set, one architecture, one c. A share at the wall says nothing by itself of how well such a critic "
        "estimates; the study too-simple measures that. How fast weights pile up depends on the rate of RMSProp: in "
        "the long run its step is the rate times a sign, so that c over the rate is the number of steps from the "
        "middle of the box to its wall.",
        "The arms differ in their optimizer as well as in their constraint, each with its customary one."};
    return result;
  }

 private:
  [[nodiscard]] std::string method(const StudySettings& s) const;
  [[nodiscard]] static std::vector<Finding> findings(const std::vector<Outcome>& all, const StudySettings& s);
  [[nodiscard]] static std::vector<Figure> figures(const std::vector<Outcome>& all, const StudySettings& s);
};

std::string PileUp::method(const StudySettings& s) const {
  const json set = runs(s).front().settings;
  return fmt::format(
      "Swiss roll; the generator held fixed at data + N(0, I); a critic of three hidden layers of {} ReLU, no "
      "normalization; {} critic steps of batch {}. Clipping: c = {}, RMSProp 5e-5, weights from U(-c, c), biases 0. "
      "Penalty: lambda 10, Adam 1e-4 (0.5, 0.9), once from the same start and once from He's. A weight counts as at "
      "the end of its range where |w| >= {} c; under the penalty, which has no c, where |w| >= {} times the layer's "
      "largest. Biases are left out. A unit fires where it is above 0 at one of {} samples or more. (The released code "
      "clips He's start, which puts 91 % at the bound before the first step, and nothing could be seen to pile up.)",
      set["config"]["critic.width"].get<int64_t>(), set["steps"].get<int64_t>(),
      set["config"]["train.batch"].get<int64_t>(), c, near_the_end, near_the_end, probes);
}

std::vector<Finding> PileUp::findings(const std::vector<Outcome>& all, const StudySettings& s) {
  const auto value = [&](const char* arm, const char* key) { return values_of(all, arm, key); };
  const char* figure_1b = "Gulrajani et al. 2017, figure 1b (a curve)";
  std::vector<Finding> result{
      judge("weights at the end of the range under clipping, share", value("clip", "share"), {.low = 0.5}, s.needed(),
            {"two spikes at -c and c", figure_1b}),
      judge("the same under the penalty, same start", value("penalty", "share"), {.high = 0.01}, s.needed(),
            {"a bell", figure_1b}),
      judge("the same under the penalty, He's start", value("penalty-he", "share"), {.high = 0.01}, s.needed(),
            {"a bell", figure_1b}),
      observe("of these at -c", value("clip", "share_below")),
      observe("the same under clipping, before the first step", value("clip", "share_at_start")),
      observe("the same under clipping, of the weights between units that fire", value("clip", "live_share")),
      observe("largest |w| under the penalty, same start", value("penalty", "largest"),
              {"within about 0.5", figure_1b}),
      observe("largest |w| under the penalty, He's start", value("penalty-he", "largest")),
      observe("units that never fire under clipping, share", value("clip", "dead")),
      observe("units that never fire under the penalty, same start", value("penalty", "dead")),
      observe("units that never fire under the penalty, He's start", value("penalty-he", "dead"))};
  for (const ArmText& arm : with_further(arms, s)) {
    if (arm.dashed)
      result.push_back(
          observe("weights at the end of the range, share, " + arm.label, values_of(all, arm.name, "share")));
  }
  return result;
}

std::vector<Figure> PileUp::figures(const std::vector<Outcome>& all, const StudySettings& s) {
  Chart over_time{.title = "Weights at the end of their range",
                  .x_label = "critic steps",
                  .y_label = "share of the weights",
                  .marks = {{0.5, "bar for clipping"}}};
  Chart histogram{.kind = Chart::Kind::histogram,
                  .title = "Weights after training",
                  .x_label = "weight / end of its range",
                  .y_label = "share of the weights",
                  .log_y = true};
  for (const ArmText& arm : with_further(arms, s)) {
    over_time.series.push_back(mean_curve(all, arm, "curve"));
    histogram.series.push_back(mean_histogram(all, arm, "histogram"));
  }
  std::vector<Figure> result{
      {"over-time.svg",
       "Mean over the seeds with its 95 % band. Under clipping weight after weight runs into the wall and stays there.",
       over_time},
      {"histogram.svg",
       "All weights of all seeds, each over the end of its range: c under clipping, the layer's largest |w| under the "
       "penalty. The scale is logarithmic: the two outermost bins of clipping stand above all others. From He's start, "
       "which is uniform, the penalised weights hardly leave their flat shape; from a narrow start they grow to a "
       "bell.",
       histogram}};
  const auto clipped = outcomes_of(all, "clip");
  if (clipped.empty()) return result;
  Chart layers{.kind = Chart::Kind::bars,
               .title = "At the end of the range, by layer",
               .x_label = "weight matrix",
               .y_label = "share of the weights"};
  layers.categories = clipped.front()->numbers.at("layers").get<std::vector<std::string>>();
  layers.series = {mean_list(all, {"clip", "all weights", 0}, "layer_shares"),
                   mean_list(all, {"clip", "weights between units that fire", 4}, "live_layer_shares")};
  result.push_back({"layers.svg",
                    "Clipping, by weight matrix from the input (left) to the score (right), mean and interval over the "
                    "seeds. A weight from or to a ReLU that never fires has no gradient and stays where it started.",
                    layers});
  return result;
}

}  // namespace

std::unique_ptr<Study> make_pile_up() {
  return std::make_unique<PileUp>();
}

}  // namespace kantor
