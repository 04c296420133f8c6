#include "models/studies/image_samples.h"

#include "models/metrics/classifier.h"
#include "models/plot/plot.h"
#include "models/studies/course.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

namespace kantor {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr size_t late = 3;  // evaluations at the end that are averaged
constexpr int64_t grid_images = 64;
const std::string prefix = "images-";

/// Two arms that a finding holds against each other.
struct Comparison {
  ArmText clip, penalty;
  const char *name, *title;
};
const std::vector<Comparison> comparisons{
    {{"images-clip", "clipping, RMSProp", 0}, {"images-penalty", "penalty, RMSProp", 1}, "same", "same settings"},
    {{"images-clip-own", "clipping, RMSProp, batch norm", 4},
     {"images-penalty-own", "penalty, Adam", 2},
     "own",
     "each its own settings"}};

/// Of the comparisons, and of further constraints with the settings that are the same for all.
std::vector<ArmText> all_arms(const StudySettings& s) {
  std::vector<ArmText> arms;
  for (const Comparison& comparison : comparisons) {
    arms.push_back(comparison.clip);
    arms.push_back(comparison.penalty);
  }
  for (const ArmText& text : with_further({{"clip", "", 0}, {"penalty", "", 1}}, s)) {
    if (text.dashed) arms.push_back({prefix + text.name, text.label + ", RMSProp", text.colour, true});
  }
  return arms;
}

/// What texts call the images.
std::string title_of(const StudySettings& s) {
  if (s.images.empty()) return "Fashion-MNIST";
  const fs::path folder = s.images;
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

/// Leaves the first `count` of the images, which lie in no order; 0 leaves all.
void keep_first(LabelledImages& data, int64_t count) {
  if (count < 1 || count >= data.count()) return;
  data.labels.resize(static_cast<size_t>(count));
  data.pixels.resize(static_cast<size_t>(count * data.sample.size()));
}

std::vector<float> all_of(const LabelledImages& data) {
  std::vector<int64_t> index(static_cast<size_t>(data.count()));
  std::iota(index.begin(), index.end(), 0);
  return data.images(index);
}

std::vector<double> shares(const std::vector<int64_t>& histogram) {
  const auto all = static_cast<double>(std::accumulate(histogram.begin(), histogram.end(), int64_t{0}));
  std::vector<double> result;
  result.reserve(histogram.size());
  for (const int64_t n : histogram) result.push_back(static_cast<double>(n) / all);
  return result;
}

json described(const ImageScores& scores) {
  return {{"frechet", scores.frechet},
          {"score", scores.score},
          {"class_kl", scores.class_kl},
          {"histogram", scores.histogram},
          {"shares", shares(scores.histogram)}};
}

}  // namespace

std::vector<Arm> image_arms(const StudySettings& s) {
  const int steps = s.pick(4, 220, 20000), dim = s.pick(2, 8, 64);
  json common{{"data.kind", "fashion-mnist"},
              {"generator.network", "dcgan"},
              {"critic.network", "dcgan"},
              {"generator.dim", dim},
              {"critic.dim", dim},
              {"generator.z", s.pick(8, 128, 128)},
              {"train.batch", s.pick(8, 32, 50)},
              {"train.steps", steps},
              {"eval.every", std::max(1, steps / 10)},
              {"eval.samples", s.pick(64, 1000, 5000)}};
  if (!s.images.empty()) common["data.path"] = s.images;
  // What the classifier learns from, and is tried on: this many of the images; 0: all.
  const json more{{"classifier", {{"epochs", s.pick(1, 1, 2)}, {"images", s.pick(500, 0, 0)}}}};
  const auto make = [&](const ArmText& arm, const json& constraint, const char* optimizer, double rate,
                        const char* norm) {
    json config = common;
    config.update(constraint);
    for (const std::string net : {"generator", "critic"}) {
      config.update({{net + ".optimizer", optimizer}, {net + ".learning_rate", rate}, {net + ".norm", norm}});
    }
    return Arm{arm.name, config, more};
  };
  const json clip{{"critic.constraint", "clip"}, {"clip.c", 0.01}};
  const json penalty{{"critic.constraint", "penalty"}, {"critic.lambda", 10}};
  const double rmsprop_rate = s.pick(5e-4, 5e-4, 5e-5), adam_rate = s.pick(1e-3, 1e-3, 1e-4);
  std::vector<Arm> arms{make(comparisons[0].clip, clip, "rmsprop", rmsprop_rate, "none"),
                        make(comparisons[0].penalty, penalty, "rmsprop", rmsprop_rate, "none"),
                        make(comparisons[1].clip, clip, "rmsprop", rmsprop_rate, "batch"),
                        make(comparisons[1].penalty, penalty, "adam", adam_rate, "none")};
  add_further(arms, arms[1], s, prefix);
  std::erase_if(arms, [](const Arm& arm) { return arm.name == prefix + "groupsort"; });  // refuses convolutions
  return arms;
}

bool is_image_arm(const json& settings) {
  return settings.contains("classifier");
}

json run_image_arm(const json& settings, Device device, const fs::path& folder) {
  const RunConfig config = config_of(settings);
  const json& how = settings.at("classifier");
  LabelledImages known = read_labelled_mnist(config.data.path, true);
  LabelledImages held_back = read_labelled_mnist(config.data.path, false);
  const auto most = how.at("images").get<int64_t>();
  keep_first(known, most);
  keep_first(held_back, most);
  const Classifier classifier = Classifier::cached(known, fs::absolute(folder).parent_path() / "classifier.safetensors",
                                                   {.epochs = how.at("epochs").get<int64_t>()});
  const Classifier::Output real = classifier(all_of(held_back));

  const std::unique_ptr<Dataset> data = open_dataset(config.data);
  const auto seed = static_cast<uint64_t>(config.seed);
  const json best =
      described(score_images(classifier, data->draw(seed, stream_evaluation_data, 0, config.eval_samples), real));
  Image picture;
  const Course course = train_course(config, *data, device, [&](const Trainer& trainer) {
    picture = image_grid(trainer.generate(grid_images, stream_pictures, 0));
    const Tensor made = trainer.generate(config.eval_samples, stream_evaluation_noise, trainer.steps_done());
    return described(score_images(classifier, made.to_vector<float>(), real));
  });
  write_png(folder / "samples.png", picture);
  write_png(folder / "data.png",
            image_grid(from_host(data->draw(seed, stream_pictures, 0, grid_images), data->batch_shape(grid_images))));

  json numbers{{"accuracy", classifier.accuracy(held_back)},
               {"diverged", course.diverged},
               {"milliseconds", course.milliseconds},
               {"histogram", course.lines.back().at("histogram")},
               {"shares", course.lines.back().at("shares")}};
  for (const char* key : {"frechet", "score", "class_kl"}) {
    numbers[key] = late_mean(course, key, late);
    numbers[std::string(key) + "_curve"] = {{"x", course.steps}, {"y", values_along(course, key)}};
  }
  for (const auto& [key, value] : best.items()) numbers["real_" + key] = value;
  return numbers;
}

namespace {

/// Of a number that the arms share, such as the scores of real images: a value a seed.
std::vector<double> shared_values(const std::vector<Outcome>& all, const StudySettings& s, const std::string& key) {
  for (const ArmText& arm : all_arms(s)) {
    if (auto values = values_of(all, arm.name, key); !values.empty()) return values;
  }
  return {};
}

std::string method(const std::vector<Outcome>& all, const StudySettings& s) {
  const std::vector<Arm> arms = image_arms(s);
  const json& set = arms.front().config;
  const auto whole = [&](const char* key) { return set.at(key).get<int64_t>(); };
  const std::vector<double> accuracy = shared_values(all, s, "accuracy");  // of one classifier: the same for every run
  return fmt::format(
      "{}: generator and critic of 5x5 convolutions with stride 2, {} channels at the largest picture; {} generator "
      "steps with 5 critic steps each, batch {}; sampled from the running average of the generator's weights (0.98). "
      "The same settings for both: no normalization, RMSProp {:g}; c = 0.01 against lambda 10. Each its own: clipping "
      "with batch norm in both networks (its scales are clipped too) and RMSProp {:g}, the penalty with no "
      "normalization and Adam {:g} (0.5, 0.9). {} samples are scored against the images held back, by a classifier of "
      "two convolutions and 64 features that was trained here on the labelled images (passes over them: {}; right on "
      "{} of those held back): the share of each class, exp of the mean KL divergence of an image's class "
      "probabilities from their mean (score), and the Fréchet distance of the features. As many training images give "
      "the floor of that distance and the score that is to be had. The measures are means over the last {} of 10 "
      "evaluations, the classes those of the last.",
      title_of(s), whole("generator.dim"), whole("train.steps"), whole("train.batch"),
      set.at("critic.learning_rate").get<double>(), arms[2].config.at("critic.learning_rate").get<double>(),
      arms[3].config.at("critic.learning_rate").get<double>(), whole("eval.samples"),
      arms.front().more.at("classifier").at("epochs").get<int64_t>(),
      accuracy.empty() ? "-" : fmt::format("{:.1f} %", 100 * accuracy.front()), late);
}

void add_findings(const std::vector<Outcome>& all, const StudySettings& s, std::vector<Finding>& findings) {
  const std::string title = title_of(s);
  const Reference published{"CIFAR-10, inception score: clipping 6.41, penalty 6.68", "Miyato et al. 2018"};
  for (const Comparison& c : comparisons) {
    findings.push_back(
        judge(fmt::format("{}, {}: Fréchet distance of features, clipping minus penalty", title, c.title),
              differences(all, c.clip.name, c.penalty.name, "frechet"), {.low = 0}, s.needed(),
              {"better under the penalty", "Gulrajani et al. 2017, figure 3 (CIFAR-10)"}));
    findings.push_back(observe(fmt::format("{}, {}: score, penalty minus clipping", title, c.title),
                               differences(all, c.penalty.name, c.clip.name, "score"), published));
  }
  for (const ArmText& arm : all_arms(s)) {
    const auto add = [&](const char* what, const char* key) {
      findings.push_back(observe(fmt::format("{}: {}, {}", title, what, arm.label), values_of(all, arm.name, key)));
    };
    add("Fréchet distance of features", "frechet");
    add("score", "score");
    add("KL divergence of the classes from even", "class_kl");
    add("ms a step", "milliseconds");
  }
  const auto add = [&](const char* what, const char* key) {
    findings.push_back(observe(fmt::format("{}: {}", title, what), shared_values(all, s, key)));
  };
  add("Fréchet distance of features, real images (the floor)", "real_frechet");
  add("score, real images", "real_score");
  add("KL divergence of the classes from even, real images", "real_class_kl");
}

/// The shares of the classes, both sides beside the data's.
Figure class_figure(const std::vector<Outcome>& all, const StudySettings& s, const Comparison& c) {
  Chart chart{.kind = Chart::Kind::bars,
              .title = fmt::format("{}: classes of the samples, {}", title_of(s), c.title),
              .x_label = "class that the classifier sees",
              .y_label = "share"};
  chart.series = {mean_list(all, {c.clip.name, "data", 7}, "real_shares"), mean_list(all, c.clip, "shares"),
                  mean_list(all, c.penalty, "shares")};
  size_t classes = 0;
  for (const Series& series : chart.series) classes = std::max(classes, series.y.size());
  for (Series& series : chart.series) {  // of an arm that was not run
    series.y.resize(classes, std::nan(""));
    series.low = series.high = {};  // an interval of so few seeds hides the bars
  }
  chart.categories = class_names(s, classes);
  return {fmt::format("images-classes-{}.svg", c.name),
          "Mean over the seeds. The data are training images, seen by the same classifier.", chart};
}

Figure curve_figure(const std::vector<Outcome>& all, const StudySettings& s, const std::string& key, Chart chart,
                    const std::string& mark, const std::string& caption) {
  for (const ArmText& arm : all_arms(s)) chart.series.push_back(mean_curve(all, arm, key + "_curve"));
  if (const auto real = shared_values(all, s, "real_" + key); !real.empty()) {
    chart.marks = {{confidence_interval(real).mean, mark}};
  }
  return {fmt::format("images-{}.svg", key), caption, chart};
}

void add_figures(const std::vector<Outcome>& all, const StudySettings& s, std::vector<Figure>& figures) {
  const std::string title = title_of(s);
  figures.push_back(curve_figure(all, s, "frechet",
                                 {.title = title + ": Fréchet distance of the features",
                                  .x_label = "generator steps",
                                  .y_label = "distance",
                                  .log_y = true},
                                 "floor: real against real",
                                 "Mean over the seeds with its 95 % band; lower is better. The features are those of "
                                 "the classifier trained here: no other program has this scale."));
  figures.push_back(curve_figure(
      all, s, "score", {.title = title + ": score", .x_label = "generator steps", .y_label = "score"}, "real images",
      "1 where the classifier sees no difference between the images, and the number of classes where it is sure of "
      "every image and sees the classes evenly. Higher is better, up to the line."));
  for (const Comparison& c : comparisons) figures.push_back(class_figure(all, s, c));
  const auto add = [&](const std::string& arm, const std::string& label, const char* picture, const std::string& file) {
    const auto found = outcomes_of(all, arm);
    if (found.empty()) return;
    figures.push_back({file,
                       fmt::format("Seed {}, the first; none was chosen.", found.front()->settings.at("seed").dump()),
                       {.title = fmt::format("{}: {}", title, label)},
                       fmt::format("{}/{}", found.front()->id, picture)});
  };
  for (const ArmText& arm : all_arms(s)) add(arm.name, arm.label, "samples.png", arm.name + ".png");
  add(comparisons[0].clip.name, "data", "data.png", "images-data.png");
}

}  // namespace

void conclude_images(const std::vector<Outcome>& all, const StudySettings& s, Conclusion& conclusion) {
  const std::string title = title_of(s);
  conclusion.method.push_back(method(all, s));
  add_findings(all, s, conclusion.findings);
  add_figures(all, s, conclusion.figures);
  for (const Comparison& c : comparisons) {
    const auto told = [&](const ArmText& arm, const char* key) { return say(values_of(all, arm.name, key)); };
    conclusion.meaning.push_back(fmt::format(
        "{}, {}: the Fréchet distance of the features ends at {} under clipping and {} under the penalty (real images "
        "{}), the score at {} and {} (real images {}); a step takes {} and {} ms.",
        title, c.title, told(c.clip, "frechet"), told(c.penalty, "frechet"), say(shared_values(all, s, "real_frechet")),
        told(c.clip, "score"), told(c.penalty, "score"), say(shared_values(all, s, "real_score")),
        told(c.clip, "milliseconds"), told(c.penalty, "milliseconds")));
  }
  conclusion.limits.emplace_back(
      "The published gap on images is small: on CIFAR-10 an inception score of 6.41 under clipping, 6.68 under the "
      "penalty, 7.42 with spectral normalization (Miyato et al. 2018). A gap seen here, between small networks after a "
      "given number of steps, is one of speed as much as of what is reached in the end; and clipping has c = 0.01 "
      "only, as published for much larger networks.");
  conclusion.limits.emplace_back(
      "Score and Fréchet distance of the images rest on a small classifier of these very images. They are not the "
      "inception score, nor what is published under other names for other networks, and compare within this study "
      "only; the Fréchet distance of few samples is too large by a bias that the floor shows.");
}

}  // namespace kantor
