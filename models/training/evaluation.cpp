#include "models/training/evaluation.h"

#include "engine/ops.h"
#include "engine/random.h"
#include "engine/weight_statistics.h"
#include "models/metrics/histogram.h"
#include "models/metrics/mixture.h"
#include "models/training/probe.h"
#include "models/training/random_streams.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace kantor {
namespace {

using nlohmann::json;

constexpr int64_t mode_samples = 2500;  // of PacGAN's measures (Lin et al. 2018)

double mean_of(const std::vector<double>& values) {
  return summarize(std::span<const double>(values)).mean;
}

double norm_of(const Tensor& x) {
  double squares = 0;
  for (const double value : x.to_vector<double>()) squares += value * value;
  return std::sqrt(squares);
}

/// Weights and gradients of each critic parameter.
json layers_of(const Trainer& trainer) {
  json layers = json::array();
  const auto statistics = trainer.critic().trainable().optimizer().statistics();
  const auto& rows = trainer.critic().network().parameters().rows();
  for (size_t i = 0; i < rows.size(); ++i) {
    const WeightStatistics& s = statistics[i];
    const auto count = static_cast<double>(std::max<int64_t>(s.count, 1));
    layers.push_back({{"name", rows[i].name},
                      {"count", s.count},
                      {"saturation", static_cast<double>(s.saturated) / count},
                      {"max_abs", s.max_abs},
                      {"rms", std::sqrt(s.sum_squares / count)},
                      {"gradient_norm", norm_of(trainer.critic().trainable().gradients().tensors()[i])},
                      {"histogram", {{"low", -s.range}, {"high", s.range}, {"counts", s.histogram}}}});
  }
  return layers;
}

}  // namespace

int64_t probe_count(const Shape& sample) {
  return std::clamp<int64_t>((int64_t{1} << 24) / sample.size(), 16, 256);
}

json evaluate_samples(const Trainer& trainer, const Dataset& data, const W1Floor& floor) {
  json result = json::object();
  if (!data.is_plane()) return result;
  const RunConfig& config = trainer.config();
  const auto seed = static_cast<uint64_t>(config.seed);
  const int64_t n = config.eval_samples;
  const std::vector<float> generated =
      trainer.generate(std::max(n, mode_samples), stream_evaluation_noise, trainer.steps_done()).to_vector<float>();
  const std::vector<float> real =
      data.draw(seed, stream_evaluation_data, static_cast<uint64_t>(trainer.steps_done()), n);
  result["w1"] = wasserstein1(std::span(generated).first(static_cast<size_t>(2 * n)), real, 2);
  result["w1_floor"] = floor.mean;
  result["w1_floor_deviation"] = floor.deviation;
  if (const Mixture* mixture = data.mixture()) {
    const MixtureScore score =
        score_mixture(std::span(generated).first(static_cast<size_t>(2 * mode_samples)), *mixture);
    result["modes"] = score.modes;
    result["mode_count"] = score.mode_count;
    result["high_quality"] = score.high_quality;
    result["reverse_kl"] = score.reverse_kl;
  }
  return result;
}

namespace {

/// Samples that the critic is measured at: real ones, generated ones, and points between them.
struct Probes {
  Tensor real, fake, between;
};

Probes draw_probes(const Trainer& trainer, const Dataset& data) {
  const auto seed = static_cast<uint64_t>(trainer.config().seed);
  const auto key = static_cast<uint64_t>(trainer.steps_done());
  const TensorOptions options{DType::float32, trainer.device()};
  const int64_t probes = probe_count(data.sample_shape());
  const Tensor real =
      from_host(data.draw(seed, stream_evaluation_data, key, probes), data.batch_shape(probes), options);
  const Tensor fake = trainer.generate(probes, stream_evaluation_noise, trainer.steps_done()).detach();
  const Tensor step = full({}, static_cast<double>(key), {DType::int64, trainer.device()});
  return {real, fake, interpolate(real, fake, Draw{seed, stream_evaluation_eps, step})};
}

}  // namespace

std::vector<double> gradient_norms_between(const Trainer& trainer, const Dataset& data) {
  return gradient_norms(trainer.critic().network(), draw_probes(trainer, data).between);
}

json evaluate_critic(const Trainer& trainer, const Dataset& data) {
  const auto [real, fake, between] = draw_probes(trainer, data);
  const std::vector<double> norms = gradient_norms(trainer.critic().network(), between);
  const auto summary = summarize(std::span<const double>(norms));
  const double largest = *std::max_element(norms.begin(), norms.end());
  const auto histogram = make_histogram(std::span<const double>(norms), 0.0, std::max(2.0, largest), 40);
  json result{{"gradient_norm_mean", summary.mean},
              {"gradient_norm_deviation", summary.deviation},
              {"gradient_norm_max", largest},
              {"gradient_norm_real", mean_of(gradient_norms(trainer.critic().network(), real))},
              {"gradient_norm_fake", mean_of(gradient_norms(trainer.critic().network(), fake))},
              {"gradient_norms", {{"low", histogram.low}, {"high", histogram.high}, {"counts", histogram.counts}}},
              {"layers", layers_of(trainer)},
              {"activation_gradients", activation_gradients(trainer.critic().network(), real, fake)}};
  if (largest > 0) result["critic_estimate_normalized"] = trainer.losses().critic_estimate / largest;
  return result;
}

json describe_losses(const Trainer& trainer) {
  const StepLosses losses = trainer.losses();
  int64_t bounded = 0, saturated = 0;
  const auto statistics = trainer.critic().trainable().optimizer().statistics();
  const std::vector<double>& bounds = trainer.critic().trainable().optimizer().bounds();
  for (size_t i = 0; i < bounds.size(); ++i) {
    if (!std::isfinite(bounds[i])) continue;
    bounded += statistics[i].count;
    saturated += statistics[i].saturated;
  }
  return {{"critic_loss", losses.critic_loss},
          {"generator_loss", losses.generator_loss},
          {"critic_estimate", losses.critic_estimate},
          {"penalty", losses.penalty},
          {"saturation", bounded > 0 ? static_cast<double>(saturated) / static_cast<double>(bounded) : 0.0}};
}

}  // namespace kantor
