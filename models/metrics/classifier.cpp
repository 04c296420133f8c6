#include "models/metrics/classifier.h"

#include "engine/autograd.h"
#include "engine/grad_mode.h"
#include "engine/in_place.h"
#include "engine/ops.h"
#include "engine/optimizer.h"
#include "engine/random.h"
#include "engine/step.h"
#include "models/files/bytes.h"
#include "models/files/file_error.h"
#include "models/files/safetensors.h"
#include "models/metrics/frechet.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <numeric>

namespace kantor {
namespace {

using nlohmann::json;

enum RandomStream : uint32_t { stream_weights = 1, stream_order = 2 };

json layers_of(const Shape& sample, int classes) {
  const auto halved = [](int64_t extent) { return (extent - 1) / 2 + 1; };  // kernel 5, stride 2, padding 2
  const int64_t flat = 32 * halved(halved(sample[1])) * halved(halved(sample[2]));
  const json leaky{{"type", "leaky_relu"}, {"slope", 0.2}};
  const auto conv = [](int64_t in, int64_t out) {
    return json{{"type", "conv2d"}, {"in", in}, {"out", out}, {"kernel", 5}, {"stride", 2}, {"padding", 2}};
  };
  const auto linear = [](int64_t in, int64_t out) { return json{{"type", "linear"}, {"in", in}, {"out", out}}; };
  return {conv(sample[0], 16),
          leaky,
          conv(16, 32),
          leaky,
          {{"type", "flatten"}},
          linear(flat, Classifier::features),
          leaky,
          linear(Classifier::features, classes)};
}
constexpr size_t feature_layer = 6;

Network make_network(const Shape& sample, int classes, uint64_t seed) {
  NetworkOptions options;
  options.initialization = Initialization::he_uniform;
  options.seed = seed;
  options.stream = stream_weights;
  return {layers_of(sample, classes), sample, options};
}

/// The largest of each row of x [B, n] -> [B, 1], without history.
Tensor row_maximum(const Tensor& x) {
  const NoGrad no_grad;
  const int64_t n = x.shape()[1];
  return slice(sort_groups(x, n).values, 1, n - 1, n);
}

/// 0 .. count - 1 shuffled (Fisher and Yates).
std::vector<int64_t> shuffled(int64_t count, uint64_t seed, uint64_t epoch) {
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  HostRandom random(seed, stream_order, epoch);
  for (int64_t i = count - 1; i > 0; --i) {
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(random.below(i + 1))]);
  }
  return order;
}

/// Everything that decides the weights, with the data as a hash.
std::string digest_of(const LabelledImages& data, const ClassifierOptions& o) {
  const uint64_t hash = fnv1a(std::as_bytes(std::span(data.labels)), fnv1a(std::as_bytes(std::span(data.pixels))));
  return fmt::format("{} {} epochs {} batch {} rate {} seed {} data {:016x}", to_string(data.sample), data.classes,
                     o.epochs, o.batch, o.learning_rate, o.seed, hash);
}

std::vector<int64_t> range(int64_t begin, int64_t end) {
  std::vector<int64_t> index(static_cast<size_t>(end - begin));
  std::iota(index.begin(), index.end(), begin);
  return index;
}

size_t most_probable(std::span<const float> row) {
  return static_cast<size_t>(std::max_element(row.begin(), row.end()) - row.begin());
}

}  // namespace

/// Subtracts the largest logit first, which changes only the range of exp.
Tensor cross_entropy(const Tensor& logits, const Tensor& one_hot) {
  const Tensor z = logits - row_maximum(logits);
  return mean(log(sum(exp(z), {1})) - sum(z * one_hot, {1}));
}

Classifier::Classifier(Network network, const Shape& sample, int classes, std::string origin)
    : network_(std::move(network)), sample_(sample), classes_(classes), origin_(std::move(origin)) {}

Classifier Classifier::train(const LabelledImages& data, const ClassifierOptions& options) {
  const int64_t batch = std::min(options.batch, data.count());
  if (data.classes < 2 || batch < 1 || options.epochs < 1) {
    throw ShapeError(
        fmt::format("a classifier of {} images in {} classes, {} epochs in batches of {}: expected at least "
                    "one image, two classes, one epoch",
                    data.count(), data.classes, options.epochs, options.batch));
  }
  Network network = make_network(data.sample, data.classes, options.seed);
  OptimizerConfig config;
  config.learning_rate = options.learning_rate;
  config.beta1 = 0.9;
  config.beta2 = 0.999;
  Optimizer optimizer(config, network.parameters());
  const Arena gradients = network.parameters().like();
  const Tensor images = zeros({batch, data.sample[1], data.sample[2], data.sample[0]});
  const Tensor one_hot = zeros({batch, data.classes});
  Step step([&] {
    const Tensor loss = cross_entropy(network(images), one_hot);
    store_gradients(grad(loss, network.parameters().tensors()), gradients);
    optimizer.update(gradients);
  });
  for (int64_t epoch = 0; epoch < options.epochs; ++epoch) {
    const std::vector<int64_t> order = shuffled(data.count(), options.seed, static_cast<uint64_t>(epoch));
    for (int64_t begin = 0; begin + batch <= data.count(); begin += batch) {
      const std::vector<int64_t> index(order.begin() + begin, order.begin() + begin + batch);
      std::vector<float> labels(static_cast<size_t>(batch * data.classes));
      for (size_t i = 0; i < index.size(); ++i) {
        labels[i * static_cast<size_t>(data.classes) + data.labels[static_cast<size_t>(index[i])]] = 1;
      }
      images.assign(std::span<const float>(data.images(index)));
      one_hot.assign(std::span<const float>(labels));
      step();
    }
  }
  return {std::move(network), data.sample, data.classes, digest_of(data, options)};
}

TensorFile Classifier::file() const {
  TensorFile file;
  file.metadata = {{"kantor.classifier", origin_},
                   {"kantor.classes", std::to_string(classes_)},
                   {"kantor.sample_shape", json(sample_.to_vector()).dump()}};
  for (size_t i = 0; i < network_.parameters().rows().size(); ++i) {
    file.tensors.emplace_back(network_.parameters().rows()[i].name, network_.to_file(static_cast<int>(i)));
  }
  return file;
}

Classifier Classifier::load(const TensorFile& file) {
  const auto text = [&](const char* key) {
    const auto found = file.metadata.find(key);
    if (found == file.metadata.end()) {
      throw FileError(fmt::format("{}: no classifier: {} is missing", file.source, key));
    }
    return found->second;
  };
  const json shape = json::parse(text("kantor.sample_shape"), nullptr, false);
  const int classes = std::atoi(text("kantor.classes").c_str());
  if (!shape.is_array() || shape.size() != 3 || classes < 2 || classes > 256) {
    throw FileError(fmt::format("{}: a classifier of {} classes of samples {}; expected 2 to 256 of [C, H, W]",
                                file.source, classes, shape.dump()));
  }
  const Shape sample(shape.get<std::vector<int64_t>>());
  Network network = make_network(sample, classes, 0);
  for (size_t i = 0; i < network.parameters().rows().size(); ++i) {
    network.from_file(static_cast<int>(i), file.at(network.parameters().rows()[i].name));
  }
  return {std::move(network), sample, classes, text("kantor.classifier")};
}

Classifier Classifier::cached(const LabelledImages& data, const std::filesystem::path& path,
                              const ClassifierOptions& options) {
  try {
    Classifier known = load(read_safetensors(path));
    if (known.origin_ == digest_of(data, options)) return known;
  } catch (const Error&) {  // missing or damaged: trained again
  }
  Classifier made = train(data, options);
  std::filesystem::create_directories(path.parent_path());
  write_safetensors(path, made.file());
  return made;
}

Classifier::Output Classifier::operator()(std::span<const float> images) const {
  constexpr int64_t group = 500;
  const int64_t length = sample_.size(), count = static_cast<int64_t>(images.size()) / length;
  if (count * length != static_cast<int64_t>(images.size())) {
    throw ShapeError(fmt::format("{} values are no whole number of images {}", images.size(), to_string(sample_)));
  }
  const NoGrad no_grad;
  Output output;
  for (int64_t begin = 0; begin < count; begin += group) {
    const int64_t n = std::min(group, count - begin);
    const Tensor x = from_host(images.subspan(static_cast<size_t>(begin * length), static_cast<size_t>(n * length)),
                               {n, sample_[1], sample_[2], sample_[0]});
    std::vector<Tensor> layers;
    const auto logits = network_.trace(x, layers).to_vector<double>();
    const auto hidden = layers[feature_layer].to_vector<float>();
    output.features.insert(output.features.end(), hidden.begin(), hidden.end());
    for (size_t row = 0; row < logits.size(); row += static_cast<size_t>(classes_)) {
      const auto end = row + static_cast<size_t>(classes_);
      const double most = *std::max_element(logits.begin() + static_cast<std::ptrdiff_t>(row),
                                            logits.begin() + static_cast<std::ptrdiff_t>(end));
      double total = 0;
      for (size_t i = row; i < end; ++i) total += std::exp(logits[i] - most);
      for (size_t i = row; i < end; ++i) {
        output.probabilities.push_back(static_cast<float>(std::exp(logits[i] - most) / total));
      }
    }
  }
  return output;
}

double Classifier::accuracy(const LabelledImages& data) const {
  constexpr int64_t group = 1000;
  int64_t right = 0;
  for (int64_t begin = 0; begin < data.count(); begin += group) {
    const auto index = range(begin, std::min(data.count(), begin + group));
    const Output output = (*this)(data.images(index));
    const auto classes = static_cast<size_t>(classes_);
    for (size_t i = 0; i < index.size(); ++i) {
      const size_t found = most_probable(std::span(output.probabilities).subspan(i * classes, classes));
      right += found == data.labels[static_cast<size_t>(index[i])] ? 1 : 0;
    }
  }
  return static_cast<double>(right) / static_cast<double>(data.count());
}

ImageScores score_images(const Classifier& classifier, std::span<const float> generated, std::span<const float> real) {
  return score_images(classifier, generated, classifier(real));
}

ImageScores score_images(const Classifier& classifier, std::span<const float> generated,
                         const Classifier::Output& real) {
  const Classifier::Output made = classifier(generated);
  const auto classes = static_cast<size_t>(classifier.classes()), count = made.probabilities.size() / classes;
  ImageScores scores;
  scores.frechet = frechet_distance(made.features, real.features, Classifier::features);  // refuses fewer than two
  scores.histogram.resize(classes);
  std::vector<double> marginal(classes);
  for (size_t i = 0; i < count; ++i) {
    const auto row = std::span(made.probabilities).subspan(i * classes, classes);
    ++scores.histogram[most_probable(row)];
    for (size_t c = 0; c < classes; ++c) marginal[c] += double{row[c]} / static_cast<double>(count);
  }
  double divergence = 0;
  for (size_t i = 0; i < count; ++i) {
    for (size_t c = 0; c < classes; ++c) {
      const double p = made.probabilities[i * classes + c];
      if (p > 0) divergence += p * std::log(p / marginal[c]) / static_cast<double>(count);
    }
  }
  scores.score = std::exp(divergence);
  for (const int64_t n : scores.histogram) {
    const double share = static_cast<double>(n) / static_cast<double>(count);
    if (n > 0) scores.class_kl += share * std::log(share * static_cast<double>(classes));
  }
  return scores;
}

}  // namespace kantor
