#include "models/studies/samples/image_samples.h"

#include "models/data/open_dataset.h"
#include "models/files/png.h"
#include "models/metrics/classifier.h"
#include "models/plot/plot.h"
#include "models/studies/framework/arms.h"
#include "models/studies/framework/training_curve.h"
#include "models/training/random_streams.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <utility>

namespace kantor::samples {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr int64_t grid_images = 64;
const std::string prefix = "images-";

json common_config(const StudySettings& s) {
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
  return common;
}

Comparison compare_same(const StudySettings& s) {
  const double rate = s.pick(5e-4, 5e-4, 5e-5);
  json common = common_config(s);
  common.update({{"critic.optimizer", "rmsprop"}, {"generator.norm", "none"}, {"critic.norm", "none"}});
  return {"same",
          "same settings",
          {prefix + "clip", "clipping, RMSProp", colours::vermilion, both_networks(clipped(common, 0.01, rate))},
          {prefix + "penalty", "penalty, RMSProp", colours::blue, both_networks(penalised(common, 10, rate))}};
}

Comparison compare_own(const StudySettings& s) {
  json clip = both_networks(clipped(common_config(s), 0.01, s.pick(5e-4, 5e-4, 5e-5)));
  clip.update({{"generator.norm", "batch"}, {"critic.norm", "batch"}});
  json penalty = penalised(common_config(s), 10, s.pick(1e-3, 1e-3, 1e-4));
  penalty.update({{"critic.optimizer", "adam"}, {"generator.norm", "none"}, {"critic.norm", "none"}});
  return {"own",
          "each its own settings",
          {prefix + "clip-own", "clipping, RMSProp, batch norm", colours::orange, clip},
          {prefix + "penalty-own", "penalty, Adam", colours::green, both_networks(penalty)}};
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

std::vector<Comparison> comparisons(const StudySettings& s) {
  return {compare_same(s), compare_own(s)};
}

std::vector<Arm> image_arms(const StudySettings& s) {
  std::vector<Arm> arms;
  for (const Comparison& comparison : comparisons(s)) {
    arms.push_back(comparison.clip);
    arms.push_back(comparison.penalty);
  }
  add_further(arms, prefix + "penalty", s, prefix);
  std::erase_if(arms, [](const Arm& arm) { return arm.name == prefix + "groupsort"; });  // refuses convolutions
  for (Arm& arm : arms) {
    if (arm.further) arm.label += ", RMSProp";
    // What the classifier learns from, and is tried on: this many of the images; 0: all.
    arm.more = {{"classifier", {{"epochs", s.pick(1, 1, 2)}, {"images", s.pick(500, 0, 0)}}}};
  }
  return arms;
}

bool is_image_run(const json& run_settings) {
  return run_settings.contains("classifier");
}

json run_images(const json& run_settings, Device device, const fs::path& folder) {
  const RunConfig config = config_of(run_settings);
  const json& how = run_settings.at("classifier");
  LabelledImages known = read_labelled_mnist(config.data.path, true);
  LabelledImages held_back = read_labelled_mnist(config.data.path, false);
  const int64_t most = integer(how, "images");
  keep_first(known, most);
  keep_first(held_back, most);
  const Classifier classifier = Classifier::cached(known, fs::absolute(folder).parent_path() / "classifier.safetensors",
                                                   {.epochs = integer(how, "epochs")});
  const Classifier::Output real = classifier(all_of(held_back));

  const DatasetPtr data = open_dataset(config.data);
  const auto seed = static_cast<uint64_t>(config.seed);
  const json best =
      described(score_images(classifier, data->draw(seed, stream_evaluation_data, 0, config.eval_samples), real));
  Image picture;
  const TrainingCurve curve = train_and_evaluate(config, data, device, [&](const Trainer& trainer) {
    picture = image_grid(trainer.generate(grid_images, stream_pictures, 0));
    const Tensor made = trainer.generate(config.eval_samples, stream_evaluation_noise, trainer.steps_done());
    return described(score_images(classifier, made.to_vector<float>(), real));
  });
  write_png(folder / "samples.png", picture);
  write_png(folder / "data.png",
            image_grid(from_host(data->draw(seed, stream_pictures, 0, grid_images), data->batch_shape(grid_images))));

  json numbers{{"accuracy", classifier.accuracy(held_back)},
               {"diverged", curve.diverged},
               {"milliseconds", curve.milliseconds},
               {"histogram", curve.measured.back().at("histogram")},
               {"shares", curve.measured.back().at("shares")}};
  for (const char* key : {"frechet", "score", "class_kl"}) {
    numbers[key] = curve.late_mean(late_evaluations, key);
    numbers[std::string(key) + "_curve"] = curve.points(key);
  }
  for (const auto& [key, value] : best.items()) numbers["real_" + key] = value;
  return numbers;
}

}  // namespace kantor::samples
