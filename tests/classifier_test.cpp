// The classifier behind the image scores: it learns, it is cached, and its scores are those of planted samples.
#include "models/metrics/classifier.h"

#include "engine/autograd.h"
#include "engine/error.h"
#include "tests/catch.h"
#include "tests/program.h"
#include "tests/quarters.h"

#include <cmath>

using namespace kantor;

namespace {

std::vector<float> of_class(const LabelledImages& data, int label, int64_t count) {
  std::vector<int64_t> index;
  for (int64_t i = 0; i < data.count() && static_cast<int64_t>(index.size()) < count; ++i) {
    if (label < 0 || data.labels[static_cast<size_t>(i)] == label) index.push_back(i);
  }
  return data.images(index);
}

}  // namespace

TEST_CASE("classifier: cross-entropy of large logits, its value and gradient") {
  for (const DType dtype : {DType::float32, DType::float64}) {
    const TensorOptions options{dtype, {}};
    const Tensor z = from_host(std::vector<double>{1000, 0, -3, 0, 0, 0, -2e4, 2e4, 1}, {3, 3}, options);
    const Tensor one_hot = from_host(std::vector<double>{1, 0, 0, 0, 0, 1, 1, 0, 0}, {3, 3}, options);
    const Tensor loss = cross_entropy(z, one_hot);
    CHECK(loss.item() == Approx((0 + std::log(3.0) + 4e4) / 3).epsilon(1e-6));
    const auto g = grad(loss, {z})[0].to_vector<double>();
    const std::vector<double> expected{0, 0, 0, 1.0 / 9, 1.0 / 9, -2.0 / 9, -1.0 / 3, 1.0 / 3, 0};
    for (size_t i = 0; i < g.size(); ++i) CHECK(g[i] == Approx(expected[i]).margin(1e-6));
  }
}

TEST_CASE("classifier: it learns, and scores planted samples as they are") {
  const LabelledImages data = quarters(2000, 1), fresh = quarters(1000, 2);
  const Classifier classifier = Classifier::train(data, {.epochs = 4, .batch = 50});
  CHECK(classifier.accuracy(fresh) > 0.98);

  const std::vector<float> real = of_class(data, -1, 800), other = of_class(fresh, -1, 800);
  const ImageScores good = score_images(classifier, other, real);
  CHECK(good.score > 3.5);
  CHECK(good.class_kl < 0.02);
  // One class of four only: nothing varies, the histogram is log 4 from even, and the features are far.
  const ImageScores collapsed = score_images(classifier, of_class(fresh, 2, 200), real);
  CHECK(collapsed.score < 1.2);
  CHECK(collapsed.class_kl == Approx(std::log(4.0)).epsilon(0.05));
  CHECK(collapsed.histogram[2] >= 195);
  CHECK(collapsed.frechet > 10 * good.frechet);
  CHECK_THROWS_AS(classifier(std::vector<float>(100)), ShapeError);
}

TEST_CASE("classifier: the cache serves the same data and options, and a damaged one is made anew") {
  const ProgramFolder folder;
  const std::filesystem::path path = folder.path / "cache" / "classifier.safetensors";
  const LabelledImages data = quarters(200, 1);
  const ClassifierOptions options{.epochs = 1, .batch = 50};
  const std::vector<float> images = of_class(data, -1, 20);
  const auto first = Classifier::cached(data, path, options)(images).probabilities;
  const std::string written = text_of(path);
  CHECK(Classifier::cached(data, path, options)(images).probabilities == first);
  CHECK(text_of(path) == written);
  CHECK(Classifier::cached(quarters(200, 9), path, options)(images).probabilities != first);  // other data
  CHECK(text_of(path) != written);
  (void)folder.file("cache/classifier.safetensors", written.substr(0, written.size() / 2));
  CHECK(Classifier::cached(data, path, options)(images).probabilities == first);
  CHECK(text_of(path) == written);
}

TEST_CASE("classifier: labels that do not match their images are refused") {
  const ProgramFolder folder;
  const std::string images("\0\0\x08\x03\0\0\0\x02\0\0\0\x01\0\0\0\x01\x05\x06", 18);
  const std::string labels("\0\0\x08\x01\0\0\0\x03\x01\0\x01", 11);
  CHECK_THROWS_WITH(read_labelled(folder.file("i", images), folder.file("l", labels)), Contains("2 images"));
  CHECK_THROWS_WITH(read_labelled(folder.file("i", images), folder.file("l", images)), Contains("ranks 3 and 3"));
  CHECK_THROWS_WITH(read_labelled_mnist(folder.path, true), Contains("dataset-fashion-mnist"));
}
