// Knife edge: the clipping range c decides whether gradients explode or vanish through a deep or recurrent critic
// (Gulrajani et al. 2017, section 3 and figure 1a).
#include "models/studies/framework/arms.h"
#include "models/studies/framework/frozen_generator.h"
#include "models/studies/framework/outcomes.h"
#include "models/studies/framework/text.h"
#include "models/studies/knife_edge/text.h"
#include "models/training/probe.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <vector>

namespace kantor::knife_edge {
namespace {

using nlohmann::json;

constexpr double tiny_norm = 1e-300;  // stands for what even float64 calls 0
constexpr double steep = 0.3;         // decades a layer: a factor of 2
constexpr double dying = -0.4;
constexpr double flat = 0.1;  // a factor of 1.26

/// The critic of many layers, under every c and under the penalty.
std::vector<Arm> layer_arms(const StudySettings& s) {
  const json common{{"data.kind", "swissroll"},
                    {"critic.width", s.pick(16, 512, 512)},
                    {"critic.depth", s.pick(4, 12, 12)},
                    {"train.batch", s.pick(16, 64, 256)}};
  const json more{{"steps", s.pick(6, 180, 300)}, {"probes", s.pick(16, 256, 512)}};
  return {{"clip-0.1", "clipping, c = 0.1", colours::orange, clipped(common, 0.1, 5e-5), more},
          {"clip-0.01", "clipping, c = 0.01", colours::vermilion, clipped(common, 0.01, 5e-5), more},
          {"clip-0.001", "clipping, c = 0.001", colours::pink, clipped(common, 0.001, 5e-5), more},
          {"penalty", "penalty, lambda 10", colours::blue, penalised(common, 10, 1e-4), more}};
}

json lengths(const StudySettings& s) {
  return s.scale == Scale::tiny ? json{4, 8} : json{8, 16, 32, 64};
}

/// The same with the RNN.
std::vector<Arm> recurrent_arms(const StudySettings& s) {
  const json common{{"data.kind", "swissroll"}, {"train.batch", s.pick(8, 32, 64)}};
  const json more{{"steps", s.pick(4, 60, 300)},
                  {"probes", s.pick(8, 64, 256)},
                  {"lengths", lengths(s)},
                  {"hidden", s.pick(8, 64, 128)}};
  return {{"rnn-clip-0.1", "clipping, c = 0.1", colours::orange, clipped(common, 0.1, 5e-5), more},
          {"rnn-clip-0.01", "clipping, c = 0.01", colours::vermilion, clipped(common, 0.01, 5e-5), more},
          {"rnn-clip-0.001", "clipping, c = 0.001", colours::pink, clipped(common, 0.001, 5e-5), more},
          {"rnn-penalty", "penalty, lambda 10", colours::blue, penalised(common, 10, 1e-4), more}};
}

/// The critic of many layers at c = 0.01 with batch norm.
std::vector<Arm> batch_norm_arms(const StudySettings& s) {
  Arm gamma_clipped = find_arm(layer_arms(s), "clip-0.01");
  gamma_clipped.config["critic.norm"] = "batch";
  Arm gamma_exempt = gamma_clipped;
  gamma_clipped.config["clip.norm_scales"] = true;
  gamma_exempt.config["clip.norm_scales"] = false;
  gamma_clipped.name = "batch-clipped";
  gamma_clipped.label = "batch norm, gamma clipped";
  gamma_clipped.colour = colours::grey;
  gamma_exempt.name = "batch-exempt";
  gamma_exempt.label = "batch norm, gamma exempt";
  gamma_exempt.colour = colours::green;
  return {gamma_clipped, gamma_exempt};
}

std::vector<Arm> all_arms(const StudySettings& s) {
  std::vector<Arm> all = layer_arms(s);
  for (const Arm& arm : recurrent_arms(s)) all.push_back(arm);
  for (const Arm& arm : batch_norm_arms(s)) all.push_back(arm);
  add_further(all, "penalty", s);
  return all;
}

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

/// Gradient norms on their way back through the network, from the one nearest the score on, and the slope of their
/// log10.
json describe_way_back(std::vector<double> norms) {
  std::reverse(norms.begin(), norms.end());
  json x = json::array();
  for (size_t i = 0; i < norms.size(); ++i) x.push_back(i + 1);
  std::vector<double> logs;
  logs.reserve(norms.size());
  for (const double norm : norms) logs.push_back(std::log10(std::max(norm, tiny_norm)));
  return {{"slope", slope_of(logs)}, {"norms", {{"x", x}, {"y", norms}}}};
}

/// Norms of the gradient of the loss by the output of each hidden layer, from the first on.
std::vector<double> norms_by_layer(const CriticTrainer& trainer, const FrozenGenerator& data, int64_t seed,
                                   int64_t count) {
  const Network critic = in_float64(trainer.critic().network());
  const TensorOptions options = critic.options();
  const std::vector<double> all =
      activation_gradients(critic, evaluation_samples(*data.real, seed, count, options),
                           evaluation_samples(*data.fake, seed, count, options), Mode::train);
  std::vector<double> hidden;
  for (size_t i = 0; i < all.size(); ++i) {
    const std::string type = critic.description()[i].value("type", "");
    if (type == "relu" || type == "group_sort") hidden.push_back(all[i]);
  }
  return hidden;
}

json run_layers(const json& settings, const RunConfig& config, Device device) {
  const FrozenGenerator data(config.data);
  const int64_t steps = integer(settings, "steps"), count = integer(settings, "probes");
  CriticTrainer trainer = data.trainer(config, device);
  const json before = describe_way_back(norms_by_layer(trainer, data, config.seed, count));
  while (trainer.steps_done() < steps) trainer.step();
  json numbers = describe_way_back(norms_by_layer(trainer, data, config.seed, count));
  numbers["slope_at_start"] = before["slope"];
  return numbers;
}

json run_recurrent(const json& settings, const RunConfig& config, Device device) {
  const FrozenGenerator data(config.data);
  const int64_t steps = integer(settings, "steps"), count = integer(settings, "probes");
  const int64_t hidden = integer(settings, "hidden");
  json numbers = json::object();
  for (const json& length : settings.at("lengths")) {
    const auto real = sequences(data.real, length.get<int64_t>());
    const auto fake = sequences(data.fake, length.get<int64_t>());
    const json layers{{{"type", "rnn"}, {"in", 2}, {"hidden", hidden}},
                      {{"type", "linear"}, {"in", hidden}, {"out", 1}}};
    CriticTrainer trainer(config, layers, real, fake, device);
    while (trainer.steps_done() < steps) trainer.step();
    const Network critic = in_float64(trainer.critic().network());
    const json way =
        describe_way_back(step_gradients(critic, evaluation_samples(*real, config.seed, count, critic.options()),
                                         evaluation_samples(*fake, config.seed, count, critic.options())));
    numbers[fmt::format("slope_{}", length.get<int64_t>())] = way["slope"];
    numbers["slope"] = way["slope"];  // of the longest
    numbers["norms"] = way["norms"];
  }
  return numbers;
}

json run(const json& settings, Device device, const std::filesystem::path&) {
  const RunConfig config = config_of(settings);
  return settings.contains("lengths") ? run_recurrent(settings, config, device) : run_layers(settings, config, device);
}

std::vector<Finding> findings(const std::vector<Outcome>& all, const StudySettings& s) {
  const auto slope = [&](const std::string& arm) { return values_of(all, arm, "slope"); };
  const std::string longest = lengths(s).back().dump();
  std::vector<Finding> result{
      judge("slope a layer, clipping, c = 0.1", slope("clip-0.1"), {.low = steep}, s.needed(),
            {"exponential growth", text::figure_1a}),
      judge("slope a layer, clipping, c = 0.01", slope("clip-0.01"), {.high = dying}, s.needed(),
            {"exponential decay", text::figure_1a}),
      judge("slope a layer, clipping, c = 0.001", slope("clip-0.001"), {.high = dying}, s.needed(),
            {"exponential decay", text::figure_1a}),
      judge("slope a layer, penalty", slope("penalty"), {-flat, flat}, s.needed(), {"level", text::figure_1a}),
      judge("slope with batch norm, gamma exempt, minus without, c = 0.01",
            differences(all, "batch-exempt", "clip-0.01", "slope"), {.low = steep}, s.needed(),
            {"less steep", text::section_3}),
      judge(fmt::format("slope a step of the RNN over {} steps, clipping, c = 0.01", longest), slope("rnn-clip-0.01"),
            {.high = -steep}, s.needed(), {"vanishes", text::section_3}),
      observe("slope a layer, c = 0.01, batch norm, gamma exempt", slope("batch-exempt")),
      observe("slope a layer, c = 0.01, batch norm, gamma clipped", slope("batch-clipped"))};
  for (const Arm& arm : all_arms(s)) {
    if (arm.further) result.push_back(observe("slope a layer, " + arm.label, slope(arm.name)));
  }
  for (const Arm& arm : recurrent_arms(s)) {
    if (arm.name == "rnn-clip-0.01") continue;  // judged above
    result.push_back(
        observe(fmt::format("slope a step of the RNN over {} steps, {}", longest, arm.label), slope(arm.name)));
  }
  return result;
}

/// The norms on their way back, of each arm.
Chart way_back(const std::vector<Outcome>& all, const std::vector<Arm>& arms, const std::string& title,
               const std::string& x_label) {
  Chart chart{.title = title, .x_label = x_label, .y_label = "norm of the gradient of the loss", .log_y = true};
  for (const Arm& arm : arms) chart.series.push_back(mean_curve(all, arm, "norms"));
  return chart;
}

std::vector<Figure> figures(const std::vector<Outcome>& all, const StudySettings& s) {
  std::vector<Arm> by_layer = layer_arms(s), by_norm{find_arm(by_layer, "clip-0.01")};
  by_norm.front().label = "no normalization";
  for (const Arm& arm : batch_norm_arms(s)) by_norm.push_back(arm);
  for (const Arm& arm : all_arms(s)) {
    if (arm.further) by_layer.push_back(arm);
  }
  Chart slopes{.kind = Chart::Kind::bars,
               .title = "Slope of the RNN's gradient, by length",
               .x_label = "steps of the sequence",
               .y_label = "log10 of the norm, per step back"};
  for (const json& length : lengths(s)) {
    add_bars(slopes, length.dump(), all, recurrent_arms(s), "slope_" + length.dump());
  }
  const std::string layers_back = "hidden layers back from the score", steps_back = "steps back from the score";
  return {{"layers.svg", text::layers_caption,
           way_back(all, by_layer, "Gradient on its way back through the layers", layers_back)},
          {"batch-norm.svg", text::batch_norm_caption, way_back(all, by_norm, "The same with batch norm", layers_back)},
          {"rnn.svg", text::rnn_caption,
           way_back(all, recurrent_arms(s), "Gradient on its way back through time", steps_back)},
          {"rnn-slopes.svg", text::rnn_slopes_caption, slopes}};
}

Conclusion conclude(const std::vector<Outcome>& all, const StudySettings& s) {
  const Arm layers = find_arm(all_arms(s), "penalty"), recurrent = find_arm(all_arms(s), "rnn-penalty");
  const auto slope = [&](const char* arm) { return say(all, arm, "slope"); };
  Conclusion result;
  result.method = {
      fill(text::method_layers, arg("depth", integer(layers.config, "critic.depth")),
           arg("width", integer(layers.config, "critic.width")), arg("steps", integer(layers.more, "steps")),
           arg("batch", integer(layers.config, "train.batch")), arg("probes", integer(layers.more, "probes"))),
      fill(text::method_others, arg("hidden", integer(recurrent.more, "hidden")), arg("lengths", lengths(s).dump()),
           arg("steps", integer(recurrent.more, "steps")), arg("batch", integer(recurrent.config, "train.batch")))};
  result.findings = findings(all, s);
  result.figures = figures(all, s);
  result.meaning = {fill(text::meaning_layers, arg("wide", slope("clip-0.1")), arg("middle", slope("clip-0.01")),
                         arg("narrow", slope("clip-0.001")), arg("penalty", slope("penalty"))),
                    fill(text::meaning_batch_norm, arg("without", slope("clip-0.01")),
                         arg("exempt", slope("batch-exempt")), arg("clipped", slope("batch-clipped"))),
                    fill(text::meaning_rnn, arg("length", lengths(s).back().dump()),
                         arg("clip", slope("rnn-clip-0.01")), arg("penalty", slope("rnn-penalty")))};
  result.limits = {text::limit_one_training, text::limit_rnn};
  return result;
}

}  // namespace

Study study() {
  return {"knife-edge", text::title, text::claim, all_arms, run, conclude};
}

}  // namespace kantor::knife_edge
