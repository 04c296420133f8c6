// A small classifier that the program trains itself on labelled images, and what it says of generated ones: class
// histogram, score, and the Fréchet distance on its features. Never called Inception score or FID: those name one
// network and one data set.
#pragma once

#include "models/data/labelled.h"
#include "models/files/safetensors.h"
#include "models/nn/network.h"

#include <filesystem>
#include <span>
#include <vector>

namespace kantor {

/// Mean over the rows of log sum exp(z) - z[label]: logits z [B, classes] and one_hot of the same shape -> []. Right
/// for logits of any size that are finite.
Tensor cross_entropy(const Tensor& logits, const Tensor& one_hot);

struct ClassifierOptions {
  int64_t epochs = 2, batch = 100;
  double learning_rate = 1e-3;
  uint64_t seed = 1;
};

class Classifier {
 public:
  /// Two strided convolutions, a hidden layer of 64 features, one output a class; softmax cross-entropy under Adam.
  /// 5 MFLOP an image and epoch (28x28): some 10 s for 60,000 images and 2 epochs on two cores.
  static Classifier train(const LabelledImages& data, const ClassifierOptions& options = {});
  /// Reads back what `file` wrote. Throws FileError.
  static Classifier load(const TensorFile& file);
  [[nodiscard]] TensorFile file() const;

  /// The classifier of these data, from the cache file where that holds one of the same data and options, else trained
  /// and written there. A damaged cache file is replaced.
  static Classifier cached(const LabelledImages& data, const std::filesystem::path& path,
                           const ClassifierOptions& options = {});

  static constexpr int64_t features = 64;
  [[nodiscard]] int classes() const { return classes_; }
  struct Output {
    std::vector<float> probabilities, features;  // [N, classes], [N, 64]
  };
  /// Images [N, H, W, C] in [0, 1]. Throws ShapeError where they do not fit.
  [[nodiscard]] Output operator()(std::span<const float> images) const;
  /// Fraction of images whose largest probability is their label's.
  [[nodiscard]] double accuracy(const LabelledImages& data) const;

 private:
  Classifier(Network network, const Shape& sample, int classes, std::string origin);
  Network network_;
  Shape sample_;
  int classes_;
  std::string origin_;  // digest of data and options
};

struct ImageScores {
  std::vector<int64_t> histogram;  // of the most probable class
  double class_kl = 0;             // KL of that histogram from the uniform one, in nats
  double score = 0;                // exp mean KL(p(class | image) from p(class)): 1 to `classes`
  double frechet = 0;              // distance of the features from those of real images
};
/// Scores generated images against real ones, both [N, H, W, C]. Throws ShapeError for fewer than two of either.
ImageScores score_images(const Classifier& classifier, std::span<const float> generated, std::span<const float> real);
/// The same, with the classifier's output for the real images given.
ImageScores score_images(const Classifier& classifier, std::span<const float> generated,
                         const Classifier::Output& real);

}  // namespace kantor
