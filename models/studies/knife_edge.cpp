// Knife edge: the clipping range c decides whether gradients explode or vanish through a deep or recurrent critic
// (Gulrajani et al. 2017, section 3 and figure 1a).
#include "models/studies/all.h"
#include "models/studies/arms.h"
#include "models/studies/held.h"
#include "models/training/probe.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <tuple>

namespace kantor {
namespace {

using nlohmann::json;

constexpr double tiny_norm = 1e-300;  // stands for what even float64 calls 0
constexpr double steep = 0.3;         // decades a layer: a factor of 2
constexpr double dying = -0.4;
constexpr double flat = 0.1;  // a factor of 1.26

/// Slope of the least-squares line through (0, y0), (1, y1), ...
double slope_of(const std::vector<double>& y) {
  const double n = static_cast<double>(y.size()), middle = (n - 1) / 2;
  double xy = 0, xx = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    const double x = static_cast<double>(i) - middle;
    xy += x * y[i];
    xx += x * x;
  }
  return xx > 0 ? xy / xx : 0;
}

/// log10 of gradient norms on their way back through the network, from the one nearest the score on, with their slope.
json describe_way_back(std::vector<double> norms) {
  std::reverse(norms.begin(), norms.end());
  json x = json::array();
  for (size_t i = 0; i < norms.size(); ++i) x.push_back(i + 1);
  std::vector<double> logs;
  for (const double norm : norms) logs.push_back(std::log10(std::max(norm, tiny_norm)));
  return {{"slope", slope_of(logs)}, {"norms", {{"x", x}, {"y", norms}}}};
}

/// Norms of the gradient of the loss by the output of each hidden layer, from the first on.
std::vector<double> by_layer(const CriticTrainer& trainer, const HeldGenerator& data, int64_t seed, int64_t count) {
  const Network critic = in_float64(trainer.critic());
  const TensorOptions options = critic.options();
  const std::vector<double> all =
      activation_gradients(critic, HeldGenerator::draw(*data.real, seed, count, options),
                           HeldGenerator::draw(*data.fake, seed, count, options), Mode::train);
  std::vector<double> hidden;
  for (size_t i = 0; i < all.size(); ++i) {
    const std::string type = critic.description()[i].value("type", "");
    if (type == "relu" || type == "group_sort") hidden.push_back(all[i]);
  }
  return hidden;
}

const std::vector<ArmText> ranges{{"clip-0.1", "clipping, c = 0.1", 4},
                                  {"clip-0.01", "clipping, c = 0.01", 0},
                                  {"clip-0.001", "clipping, c = 0.001", 3},
                                  {"penalty", "penalty, lambda 10", 1}};
const std::vector<ArmText> norms{{"clip-0.01", "no normalization", 0},
                                 {"batch-clipped", "batch norm, gamma clipped", 6},
                                 {"batch-exempt", "batch norm, gamma exempt", 2}};

class KnifeEdge final : public Study {
 public:
  [[nodiscard]] std::string name() const override { return "knife-edge"; }
  [[nodiscard]] std::string title() const override { return "The clipping range is a knife edge"; }
  [[nodiscard]] std::string claim() const override {
    return "In a deep critic the gradient grows or dies exponentially on its way back, by the choice of c alone; the "
           "more so without batch normalization and in recurrent critics. Under the gradient penalty it stays level.";
  }

  [[nodiscard]] std::vector<StudyRun> runs(const StudySettings& s) const override {
    const json deep{{"data.kind", "swissroll"},
                    {"critic.width", s.pick(16, 512, 512)},
                    {"critic.depth", s.pick(4, 12, 12)},
                    {"train.batch", s.pick(16, 64, 256)}};
    const json recurrent{{"data.kind", "swissroll"}, {"train.batch", s.pick(8, 32, 64)}};
    const json deep_more{{"steps", s.pick(6, 180, 300)}, {"probes", s.pick(16, 256, 512)}};
    const json lengths = s.pick(json{4, 8}, json{8, 16, 32, 64}, json{8, 16, 32, 64});
    const json recurrent_more{{"steps", s.pick(4, 60, 300)},
                              {"probes", s.pick(8, 64, 256)},
                              {"lengths", lengths},
                              {"hidden", s.pick(8, 64, 128)}};
    std::vector<Arm> arms;
    for (const auto& [base, more, prefix] :
         {std::tuple{deep, deep_more, ""}, std::tuple{recurrent, recurrent_more, "rnn-"}}) {
      for (const double c : {0.1, 0.01, 0.001}) {
        json config = base;
        config.update({{"critic.constraint", "clip"},
                       {"clip.c", c},
                       {"critic.optimizer", "rmsprop"},
                       {"critic.learning_rate", 5e-5}});
        arms.push_back({fmt::format("{}clip-{}", prefix, c), config, more});
      }
      json config = base;
      config.update({{"critic.constraint", "penalty"}, {"critic.lambda", 10}, {"critic.learning_rate", 1e-4}});
      arms.push_back({fmt::format("{}penalty", prefix), config, more});
    }
    for (const bool clipped : {true, false}) {
      json config = arms[1].config;
      config.update({{"critic.norm", "batch"}, {"clip.norm_scales", clipped}});
      arms.push_back({clipped ? "batch-clipped" : "batch-exempt", config, deep_more});
    }
    add_further(arms, arms[3], s);  // as the penalty
    return every_seed(arms, s);
  }

  [[nodiscard]] json run(const json& settings, Device device, const std::filesystem::path&) const override {
    const RunConfig config = config_of(settings);
    const HeldGenerator data(config.data);
    const auto steps = settings.at("steps").get<int64_t>(), count = settings.at("probes").get<int64_t>();
    if (!settings.contains("lengths")) {
      CriticTrainer trainer = data.trainer(config, device);
      const json before = describe_way_back(by_layer(trainer, data, config.seed, count));
      while (trainer.steps_done() < steps) trainer.step();
      json numbers = describe_way_back(by_layer(trainer, data, config.seed, count));
      numbers["slope_at_start"] = before["slope"];
      return numbers;
    }
    json numbers = json::object();
    for (const json& length : settings["lengths"]) {
      const auto real = sequences(*data.real, length.get<int64_t>());
      const auto fake = sequences(*data.fake, length.get<int64_t>());
      const int64_t hidden = settings.at("hidden").get<int64_t>();
      const json layers{{{"type", "rnn"}, {"in", 2}, {"hidden", hidden}},
                        {{"type", "linear"}, {"in", hidden}, {"out", 1}}};
      CriticTrainer trainer(config, layers, *real, *fake, device);
      while (trainer.steps_done() < steps) trainer.step();
      const Network critic = in_float64(trainer.critic());
      const json way =
          describe_way_back(step_gradients(critic, HeldGenerator::draw(*real, config.seed, count, critic.options()),
                                           HeldGenerator::draw(*fake, config.seed, count, critic.options())));
      numbers[fmt::format("slope_{}", length.get<int64_t>())] = way["slope"];
      numbers["slope"] = way["slope"];  // of the longest
      numbers["norms"] = way["norms"];
    }
    return numbers;
  }

  [[nodiscard]] Conclusion conclude(const std::vector<Outcome>& all, const StudySettings& s) const override {
    const auto slope = [&](const char* arm) { return say(values_of(all, arm, "slope")); };
    Conclusion result;
    result.method = method(s);
    result.findings = findings(all, s);
    result.figures = figures(all, s);
    result.meaning = {
        fmt::format("Slope a layer: {} at c = 0.1, {} at 0.01, {} at 0.001; {} under the penalty. A ReLU layer of n "
                    "weights of size c multiplies a gradient by about c sqrt(n/2), and the depth raises that factor to "
                    "its power: at a slope of -0.8 eleven layers take nine digits of it away.",
                    slope("clip-0.1"), slope("clip-0.01"), slope("clip-0.001"), slope("penalty")),
        fmt::format("Batch norm with gamma exempt changes the slope at c = 0.01 from {} to {}. With gamma clipped it "
                    "is {}: activations of size 0.01 times weights of size 0.01 have a variance below the 1e-5 that "
                    "batch norm adds to it, so that it no longer gives a layer its size back.",
                    slope("clip-0.01"), slope("batch-exempt"), slope("batch-clipped")),
        fmt::format("The RNN over {} steps: {} a step at c = 0.01, {} under the penalty.", longest(s),
                    slope("rnn-clip-0.01"), slope("rnn-penalty"))};
    result.limits = {
        "Gradients are measured at the end of one training from one start. A vanished gradient does not yet say that a "
        "critic learns nothing: RMSProp and Adam divide by its size. What is lost is the order between layers, and "
        "float32's range; the studies slow and deep measure the training itself.",
        "The RNN's sequences are independent points, with no order to be learnt: it shows the gradient's way only."};
    return result;
  }

 private:
  [[nodiscard]] std::string longest(const StudySettings& s) const {
    return runs(s)[first_recurrent].settings.at("lengths").back().dump();
  }
  [[nodiscard]] std::vector<std::string> method(const StudySettings& s) const;
  [[nodiscard]] std::vector<Finding> findings(const std::vector<Outcome>& all, const StudySettings& s) const;
  [[nodiscard]] std::vector<Figure> figures(const std::vector<Outcome>& all, const StudySettings& s) const;

  static constexpr size_t first_recurrent = 4;  // of the runs of a seed
};

std::vector<std::string> KnifeEdge::method(const StudySettings& s) const {
  const json deep = runs(s).front().settings, recurrent = runs(s)[first_recurrent].settings;
  const auto whole = [](const json& settings, const char* key) { return settings.at(key).get<int64_t>(); };
  return {
      fmt::format("Swiss roll; the generator held fixed at data + N(0, I); a critic of {} hidden layers of {} ReLU, "
                  "He's start; {} critic steps of batch {}; clipping with RMSProp 5e-5, penalty (lambda 10) with Adam "
                  "1e-4. Then the norm of the gradient of the critic's loss by each hidden layer's output, over {} "
                  "real and as many generated samples, computed in float64 (float32 underflows), and the slope of its "
                  "log10 per layer on the way back from the score: 0.3 is a factor of 2 a layer.",
                  whole(deep["config"], "critic.depth"), whole(deep["config"], "critic.width"), whole(deep, "steps"),
                  whole(deep["config"], "train.batch"), whole(deep, "probes")),
      fmt::format(
          "The same with batch norm before each ReLU at c = 0.01, its gamma and beta clipped as in the released code, "
          "and exempt. And a tanh RNN of {} units over sequences of {} points, of the data against data + noise, {} "
          "critic steps of batch {}: the gradient by the input of each step of the sequence.",
          whole(recurrent, "hidden"), recurrent["lengths"].dump(), whole(recurrent, "steps"),
          whole(recurrent["config"], "train.batch"))};
}

std::vector<Finding> KnifeEdge::findings(const std::vector<Outcome>& all, const StudySettings& s) const {
  const auto slope = [&](const std::string& arm) { return values_of(all, arm, "slope"); };
  const char* figure_1a = "Gulrajani et al. 2017, figure 1a (a curve)";
  const char* words = "Gulrajani et al. 2017, section 3, in words";
  std::vector<Finding> result{
      judge("slope a layer, clipping, c = 0.1", slope("clip-0.1"), {.low = steep}, s.needed(),
            {"exponential growth", figure_1a}),
      judge("slope a layer, clipping, c = 0.01", slope("clip-0.01"), {.high = dying}, s.needed(),
            {"exponential decay", figure_1a}),
      judge("slope a layer, clipping, c = 0.001", slope("clip-0.001"), {.high = dying}, s.needed(),
            {"exponential decay", figure_1a}),
      judge("slope a layer, penalty", slope("penalty"), {-flat, flat}, s.needed(), {"level", figure_1a}),
      judge("slope with batch norm, gamma exempt, minus without, c = 0.01",
            differences(all, "batch-exempt", "clip-0.01", "slope"), {.low = steep}, s.needed(), {"less steep", words}),
      judge(fmt::format("slope a step of the RNN over {} steps, clipping, c = 0.01", longest(s)),
            slope("rnn-clip-0.01"), {.high = -steep}, s.needed(), {"vanishes", words}),
      observe("slope a layer, c = 0.01, batch norm, gamma exempt", slope("batch-exempt")),
      observe("slope a layer, c = 0.01, batch norm, gamma clipped", slope("batch-clipped"))};
  for (const ArmText& arm : with_further(ranges, s)) {
    if (arm.dashed) result.push_back(observe("slope a layer, " + arm.label, slope(arm.name)));
  }
  for (const ArmText& arm : ranges) {
    if (arm.name == "clip-0.01") continue;
    result.push_back(observe(fmt::format("slope a step of the RNN over {} steps, {}", longest(s), arm.label),
                             slope("rnn-" + arm.name)));
  }
  return result;
}

std::vector<Figure> KnifeEdge::figures(const std::vector<Outcome>& all, const StudySettings& s) const {
  const auto chart = [&](const std::string& title, const std::string& x_label, std::vector<ArmText> arms,
                         const std::string& prefix) {
    Chart c{.title = title, .x_label = x_label, .y_label = "norm of the gradient of the loss", .log_y = true};
    for (ArmText& arm : arms) {
      arm.name.insert(0, prefix);
      c.series.push_back(mean_curve(all, arm, "norms"));
    }
    return c;
  };
  Chart slopes{.kind = Chart::Kind::bars,
               .title = "Slope of the RNN's gradient, by length",
               .x_label = "steps of the sequence",
               .y_label = "log10 of the norm, per step back"};
  const std::vector<StudyRun> planned = runs(s);
  for (const json& length : planned[first_recurrent].settings.at("lengths")) slopes.categories.push_back(length.dump());
  for (const ArmText& arm : ranges) {
    Series series = series_of(arm);
    for (const std::string& length : slopes.categories) {
      add_point(series, values_of(all, "rnn-" + arm.name, "slope_" + length));
    }
    slopes.series.push_back(series);
  }
  const std::string straight = "On this logarithmic scale a straight slope is exponential growth or decay.";
  return {
      {"layers.svg", "Layer 1 is the hidden layer nearest the score. " + straight,
       chart("Gradient on its way back through the layers", "hidden layers back from the score",
             with_further(ranges, s), "")},
      {"batch-norm.svg", "All at c = 0.01: what batch norm saves, and what is left of it when its gamma is clipped.",
       chart("The same with batch norm", "hidden layers back from the score", norms, "")},
      {"rnn.svg", "A tanh RNN; step 1 is the last of the sequence, nearest the score. " + straight,
       chart("Gradient on its way back through time", "steps back from the score", ranges, "rnn-")},
      {"rnn-slopes.svg", "Mean and interval over the seeds.", slopes}};
}

}  // namespace

std::unique_ptr<Study> make_knife_edge() {
  return std::make_unique<KnifeEdge>();
}

}  // namespace kantor
