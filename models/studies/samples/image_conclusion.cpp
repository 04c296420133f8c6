#include "models/studies/samples/image_conclusion.h"

#include "models/studies/framework/arms.h"
#include "models/studies/framework/outcomes.h"
#include "models/studies/framework/text.h"
#include "models/studies/samples/image_samples.h"
#include "models/studies/samples/image_text.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <string>
#include <vector>

namespace kantor::samples {
namespace {

using nlohmann::json;

/// What texts call the images.
std::string title_of(const StudySettings& s) {
  if (s.images.empty()) return "Fashion-MNIST";
  const std::filesystem::path folder = s.images;
  return (folder.has_filename() ? folder : folder.parent_path()).filename().string();
}

/// The images' classes in charts: names where they are known.
std::vector<std::string> class_names(const StudySettings& s, size_t classes) {
  static const std::vector<std::string> fashion{"T-shirt", "trousers", "pullover", "dress", "coat",
                                                "sandal",  "shirt",    "sneaker",  "bag",   "boot"};
  if (s.images.empty() && classes == fashion.size()) return fashion;
  std::vector<std::string> names;
  for (size_t i = 0; i < classes; ++i) names.push_back(std::to_string(i));
  return names;
}

/// The values, one per seed, of a number that the arms share, such as the scores of real images.
std::vector<double> shared_values(const std::vector<Outcome>& all, const StudySettings& s, const std::string& key) {
  for (const Arm& arm : image_arms(s)) {
    if (auto values = values_of(all, arm.name, key); !values.empty()) return values;
  }
  return {};
}

std::string method(const std::vector<Outcome>& all, const StudySettings& s) {
  const std::vector<Arm> arms = image_arms(s);
  const json& set = find_arm(arms, "images-clip").config;  // all have these settings in common
  const json& classifier = find_arm(arms, "images-clip").more.at("classifier");
  const auto rate = [&](const char* arm) {
    return find_arm(arms, arm).config.at("critic.learning_rate").get<double>();
  };
  const std::vector<double> accuracy = shared_values(all, s, "accuracy");  // of one classifier: the same for every run
  return fill(image_text::method, arg("data", title_of(s)), arg("dim", integer(set, "generator.dim")),
              arg("steps", integer(set, "train.steps")), arg("batch", integer(set, "train.batch")),
              arg("same_rate", rate("images-clip")), arg("clip_rate", rate("images-clip-own")),
              arg("penalty_rate", rate("images-penalty-own")), arg("samples", integer(set, "eval.samples")),
              arg("epochs", integer(classifier, "epochs")),
              arg("accuracy", accuracy.empty() ? "-" : fmt::format("{:.1f} %", 100 * accuracy.front())),
              arg("late", late_evaluations));
}

std::vector<Finding> findings(const std::vector<Outcome>& all, const StudySettings& s) {
  const std::string title = title_of(s);
  std::vector<Finding> result;
  for (const Comparison& c : comparisons(s)) {
    result.push_back(judge(fmt::format("{}, {}: Fréchet distance of features, clipping minus penalty", title, c.title),
                           differences(all, c.clip.name, c.penalty.name, "frechet"), {.low = 0}, s.needed(),
                           {"better under the penalty", image_text::figure_3}));
    result.push_back(observe(fmt::format("{}, {}: score, penalty minus clipping", title, c.title),
                             differences(all, c.penalty.name, c.clip.name, "score"),
                             {"CIFAR-10, inception score: clipping 6.41, penalty 6.68", image_text::miyato}));
  }
  for (const Arm& arm : image_arms(s)) {
    const auto add = [&](const char* what, const char* key) {
      result.push_back(observe(fmt::format("{}: {}, {}", title, what, arm.label), values_of(all, arm.name, key)));
    };
    add("Fréchet distance of features", "frechet");
    add("score", "score");
    add("KL divergence of the classes from even", "class_kl");
    add("ms a step", "milliseconds");
  }
  const auto add = [&](const char* what, const char* key) {
    result.push_back(observe(fmt::format("{}: {}", title, what), shared_values(all, s, key)));
  };
  add("Fréchet distance of features, real images (the floor)", "real_frechet");
  add("score, real images", "real_score");
  add("KL divergence of the classes from even, real images", "real_class_kl");
  return result;
}

/// The shares of the classes, both sides beside the data's.
Figure class_figure(const std::vector<Outcome>& all, const StudySettings& s, const Comparison& c) {
  Arm data = c.clip;
  data.label = "data";
  data.colour = colours::black;
  Chart chart{.kind = Chart::Kind::bars,
              .title = fmt::format("{}: classes of the samples, {}", title_of(s), c.title),
              .x_label = "class that the classifier sees",
              .y_label = "share",
              .series = {mean_list(all, data, "real_shares"), mean_list(all, c.clip, "shares"),
                         mean_list(all, c.penalty, "shares")}};
  size_t classes = 0;
  for (const Series& series : chart.series) classes = std::max(classes, series.y.size());
  for (Series& series : chart.series) {  // of an arm that was not run
    series.y.resize(classes, std::nan(""));
    series.low = series.high = {};  // an interval of so few seeds hides the bars
  }
  chart.categories = class_names(s, classes);
  return {fmt::format("images-classes-{}.svg", c.name), image_text::classes_caption, chart};
}

Figure curve_figure(const std::vector<Outcome>& all, const StudySettings& s, const std::string& key, Chart chart,
                    const std::string& mark, const std::string& caption) {
  chart.x_label = "generator steps";
  for (const Arm& arm : image_arms(s)) chart.series.push_back(mean_curve(all, arm, key + "_curve"));
  if (const auto real = shared_values(all, s, "real_" + key); !real.empty()) {
    chart.marks = {{confidence_interval(real).mean, mark}};
  }
  return {fmt::format("images-{}.svg", key), caption, chart};
}

std::vector<Figure> figures(const std::vector<Outcome>& all, const StudySettings& s) {
  const std::string title = title_of(s);
  std::vector<Figure> result{
      curve_figure(all, s, "frechet",
                   {.title = title + ": Fréchet distance of the features", .y_label = "distance", .log_y = true},
                   "floor: real against real", image_text::frechet_caption),
      curve_figure(all, s, "score", {.title = title + ": score", .y_label = "score"}, "real images",
                   image_text::score_caption)};
  for (const Comparison& c : comparisons(s)) result.push_back(class_figure(all, s, c));
  const auto add = [&](const std::string& arm, const std::string& label, const char* picture, const std::string& file) {
    const Outcome* first = first_outcome(all, arm);
    if (first == nullptr) return;
    result.push_back({file,
                      fill(image_text::samples_caption, arg("seed", first->settings.at("seed").dump())),
                      {.title = fmt::format("{}: {}", title, label)},
                      fmt::format("{}/{}", first->id, picture)});
  };
  for (const Arm& arm : image_arms(s)) add(arm.name, arm.label, "samples.png", arm.name + ".png");
  add("images-clip", "data", "data.png", "images-data.png");  // every run leaves it
  return result;
}

std::string meaning(const std::vector<Outcome>& all, const StudySettings& s, const Comparison& c) {
  const auto told = [&](const Arm& arm, const char* key) { return say(all, arm.name, key); };
  return fill(image_text::meaning, arg("data", title_of(s)), arg("settings", c.title),
              arg("clip_frechet", told(c.clip, "frechet")), arg("penalty_frechet", told(c.penalty, "frechet")),
              arg("real_frechet", say(shared_values(all, s, "real_frechet"))), arg("clip_score", told(c.clip, "score")),
              arg("penalty_score", told(c.penalty, "score")),
              arg("real_score", say(shared_values(all, s, "real_score"))), arg("clip_ms", told(c.clip, "milliseconds")),
              arg("penalty_ms", told(c.penalty, "milliseconds")));
}

}  // namespace

Conclusion conclude_images(const std::vector<Outcome>& all, const StudySettings& s) {
  Conclusion result{.method = {method(all, s)}, .findings = findings(all, s), .figures = figures(all, s)};
  for (const Comparison& c : comparisons(s)) result.meaning.push_back(meaning(all, s, c));
  result.limits = {image_text::limit_small_gap, image_text::limit_scores};
  return result;
}

}  // namespace kantor::samples
