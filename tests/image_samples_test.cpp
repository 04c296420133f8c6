// The image part of the study `samples`: what a run measures and leaves, the classifier that all runs share, and what
// is concluded from planted numbers.
#include "models/studies/samples/image_samples.h"

#include "engine/device.h"
#include "engine/threads.h"
#include "models/files/atomic_file.h"
#include "models/files/png.h"
#include "models/files/safetensors.h"
#include "models/metrics/classifier.h"
#include "models/studies/all.h"
#include "models/studies/framework/runner.h"
#include "models/studies/samples/image_conclusion.h"
#include "tests/program.h"
#include "tests/quarters.h"

#include <numeric>

using namespace kantor;
using namespace kantor::samples;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

/// A folder with images, and the tiny runs on them.
struct ImageStudy {
  ProgramFolder folder;
  StudySettings settings{.scale = Scale::tiny, .seeds = 2, .images = folder / "images"};
  fs::path runs = folder.path / "out/runs";

  ImageStudy() { write_quarters(settings.images, 16); }
  /// Does the run of an arm and seed 1 in a folder of its own under `runs`; its numbers.
  [[nodiscard]] json execute(const std::string& arm) const {
    for (const StudyRun& run : every_seed(image_arms(settings), settings)) {
      if (run.id != arm + "-1") continue;
      fs::create_directories(runs / run.id);
      write_file_atomically(runs / run.id / "settings.json", run.settings.dump());
      execute_run(find_study("samples"), {}, runs / run.id);
      return json::parse(text_of(runs / run.id / "result.json")).at("numbers");
    }
    throw Error("no arm " + arm);
  }
};

json without_time(json numbers) {
  numbers.erase("milliseconds");
  return numbers;
}

/// An outcome with a number of each key that conclusions are drawn from.
Outcome planted(const std::string& arm, int seed, double frechet, double score) {
  const json curve{{"x", {0, 1}}, {"y", {9, 1}}};
  return {arm + "-" + std::to_string(seed),
          {{"arm", arm}, {"seed", seed}},
          {{"frechet", frechet},
           {"score", score},
           {"class_kl", 0.1},
           {"milliseconds", 1},
           {"shares", {0.2, 0.3, 0.5}},
           {"frechet_curve", curve},
           {"score_curve", curve},
           {"real_frechet", 0.5},
           {"real_score", 2.5},
           {"real_class_kl", 0},
           {"real_shares", {0.3, 0.3, 0.4}},
           {"accuracy", 0.875}}};
}

}  // namespace

TEST_CASE("image samples: a run scores as many images as asked for, and leaves pictures of both") {
  const ImageStudy study;
  const json numbers = study.execute("images-penalty");
  for (const char* key : {"histogram", "real_histogram"}) {
    const auto counts = numbers.at(key).get<std::vector<int64_t>>();
    CHECK(counts.size() == 4);
    CHECK(std::accumulate(counts.begin(), counts.end(), int64_t{0}) == 64);
  }
  for (const char* key : {"shares", "real_shares"}) {
    const auto shares = numbers.at(key).get<std::vector<double>>();
    CHECK(std::accumulate(shares.begin(), shares.end(), 0.0) == Approx(1));
  }
  for (const char* key : {"score", "real_score"}) CHECK((numbers[key] >= 1 && numbers[key] <= 4));
  CHECK(numbers.at("frechet_curve").at("x") == json{0, 1, 2, 3, 4});
  CHECK(numbers.at("frechet_curve").at("y").size() == 5);
  // Four steps do not make images: real images are nearer to real images.
  CHECK(numbers.at("real_frechet") < numbers.at("frechet"));
  const LabelledImages held_back = quarters(100, 2, 16);
  const Classifier classifier = Classifier::load(read_safetensors(study.runs / "classifier.safetensors"));
  CHECK(numbers.at("accuracy") == classifier.accuracy(held_back));
  for (const char* picture : {"samples.png", "data.png"}) {
    const Image image = read_png(study.runs / "images-penalty-1" / picture);
    CHECK(image.width == image.height);
    CHECK(image.width > 8 * 2 * 16);  // eight in a row, each pixel two wide
  }
}

TEST_CASE("image samples: one run trains the classifier, the others read it, and no number depends on which") {
  const ImageStudy study;
  const fs::path cache = study.runs / "classifier.safetensors";
  const json first = study.execute("images-clip");
  const std::string written = text_of(cache);
  const auto time = fs::last_write_time(cache);
  const json second = study.execute("images-penalty-own");
  CHECK(fs::last_write_time(cache) == time);  // a training writes it anew
  fs::remove(cache);
  CHECK(without_time(study.execute("images-penalty-own")) == without_time(second));
  CHECK(text_of(cache) == written);
  CHECK(without_time(study.execute("images-clip")) == without_time(first));
}

TEST_CASE("image samples: the classifier's bytes do not depend on the threads") {
  const LabelledImages data = quarters(300, 1, 16);
  const int usual = threads();
  const auto bytes = [&](int count) {
    set_threads(count);
    return encode_safetensors(Classifier::train(data, {.epochs = 1}).file());
  };
  const auto one = bytes(1), three = bytes(3);
  set_threads(usual);
  CHECK(one == three);
}

TEST_CASE("image samples: both comparisons are judged by the Fréchet distance, and need every arm") {
  std::vector<Outcome> all;
  for (int seed = 1; seed <= 3; ++seed) {
    const double noise = 0.1 * seed;
    all.push_back(planted("images-clip", seed, 9 + noise, 2));
    all.push_back(planted("images-penalty", seed, 4 - noise, 2.25));
    all.push_back(planted("images-clip-own", seed, 3 + noise, 2));
    all.push_back(planted("images-penalty-own", seed, 5 + 2 * noise, 1.5));
  }
  const auto verdicts = [](const std::vector<Outcome>& outcomes) {
    const Conclusion conclusion = conclude_images(outcomes, {});
    std::vector<Verdict> found;
    for (const Finding& finding : conclusion.findings) {
      if (finding.bar) found.push_back(finding.verdict);
    }
    return found;
  };
  CHECK(verdicts(all) == std::vector{Verdict::shown, Verdict::not_shown});
  all.erase(all.begin());
  CHECK(verdicts(all) == std::vector{Verdict::unclear, Verdict::not_shown});
  CHECK(verdicts({}) == std::vector{Verdict::unclear, Verdict::unclear});

  const Conclusion conclusion = conclude_images(all, {.images = "/somewhere/mnist/"});
  CHECK_THAT(conclusion.method.at(0), Contains("mnist:") && Contains("right on 87.5 % of those held back"));
  CHECK_THAT(conclusion.limits.at(0), Contains("6.41") && Contains("6.68") && Contains("small"));
  bool found = false;
  for (const Figure& figure : conclusion.figures) {
    if (figure.file == "images-clip.png") found = figure.picture == "images-clip-2/samples.png";  // the first left
    if (figure.chart.kind == Chart::Kind::bars)
      CHECK(figure.chart.categories == std::vector<std::string>{"0", "1", "2"});
  }
  CHECK(found);
}

TEST_CASE("image samples: images that are missing are told by name") {
  const ImageStudy study;
  fs::remove(study.folder.path / "images/t10k-labels-idx1-ubyte");
  CHECK_THROWS_WITH(study.execute("images-clip"), Contains("t10k-labels-idx1-ubyte") && Contains("no such file"));
  check_refused({"study", "samples", "--images", study.folder / "absent"}, 2, {"--images"});
  const ProgramResult list = run_kantor({"study", "samples", "--images", study.settings.images, "--list"});
  CHECK_THAT(list.out, Contains("\"data.path\":\"" + study.settings.images + "\""));
}
