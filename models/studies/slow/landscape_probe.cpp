#include "models/studies/slow/landscape_probe.h"

#include "engine/grad_mode.h"
#include "models/files/png.h"
#include "models/gan/critic_loss.h"
#include "models/metrics/histogram.h"
#include "models/metrics/landscape.h"
#include "models/plot/plot.h"
#include "models/studies/framework/arms.h"
#include "models/studies/framework/frozen_generator.h"
#include "models/studies/framework/training_curve.h"
#include "models/training/probe.h"
#include "models/training/random_streams.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>

namespace kantor::slow {
namespace {

using nlohmann::json;

constexpr int passes = 50;  // of spectral normalization's power iteration at new weights
constexpr int pixels = 384;
constexpr uint32_t directions_from = 1000;  // random streams that no training draws from

/// -reach to reach, the middle one of an odd number exactly 0.
std::vector<double> steps_of(int64_t count) {
  std::vector<double> steps;
  for (int64_t i = 0; i < count; ++i) {
    steps.push_back(landscape_reach * static_cast<double>(2 * i - (count - 1)) / static_cast<double>(count - 1));
  }
  return steps;
}

/// The layers as functions of any weights, with complete derivatives: along a direction, an orthonormal weight does not
/// stay orthonormal, and a gradient that omits a part has no Hessian.
json of_any_weights(json layers) {
  for (json& layer : layers) {
    const std::string kept = layer.value("parametrization", "");
    if (kept == "orthonormal") layer["parametrization"] = "bjorck";
    if (kept == "spectral_detached") layer["parametrization"] = "spectral";
  }
  return layers;
}

/// A trained critic's whole loss as a function of its weights, on one batch, in float64: a clipped critic's scores
/// differ in digits that float32 does not have.
class Landscape {
 public:
  Landscape(const Network& trained, const RunConfig& config, const CriticBatch& batch)
      : critic_(in_float64(trained, of_any_weights(trained.description()))),
        constraint_(make_constraint(config.constraint)),
        batch_(batch) {
    bounds_ = constraint_->bounds(critic_);
    for (const Tensor& buffer : critic_.buffers().tensors()) buffers_.push_back(buffer.to_vector<double>());
  }
  [[nodiscard]] Network& critic() { return critic_; }
  /// With recording on, because a penalty differentiates by its points.
  [[nodiscard]] Tensor loss() const {
    const GradMode grad_on(true);
    settle();
    return critic_loss(critic_, *constraint_, batch_).loss;
  }
  [[nodiscard]] double estimate() const {
    const NoGrad no_grad;
    return critic_loss(critic_, *constraint_, batch_).wasserstein.item();
  }
  /// Standard deviation of the scores: the unit of this critic's losses, proportional to its unknown K. Unlike the
  /// estimate it is not near 0 by chance at the start. Throws Error for a critic that is constant.
  [[nodiscard]] double unit() const {
    const NoGrad no_grad;
    settle();
    const std::vector<double> scores = critic_(concat({batch_.real, batch_.fake})).to_vector<double>();
    const double deviation = summarize(std::span<const double>(scores)).deviation;
    if (deviation > 0) return deviation;
    throw Error(
        fmt::format("the critic gives {} for every sample: its loss has no unit, so that no landscape can be shown; "
                    "give it a wider clipping range or another start",
                    scores.front()));
  }
  [[nodiscard]] Curvature curvature(int most) const {
    return largest_curvature([&] { return loss(); }, critic_.parameters().tensors(), landscape_tolerance, most);
  }
  [[nodiscard]] double squared_norm() const { return sum(square(critic_.parameters().flat())).item(); }
  [[nodiscard]] bool bounded() const { return !bounds_.empty() && std::isfinite(bounds_.front()); }

  /// Share of the parameters that lie outside the clipping range; `back` puts them on its ends.
  double outside(bool back) {
    int64_t beyond = 0;
    for (size_t i = 0; i < critic_.parameters().tensors().size(); ++i) {
      const Tensor& tensor = critic_.parameters().tensors()[i];
      const double bound = bounds_.empty() ? std::numeric_limits<double>::infinity() : bounds_[i];
      std::vector<double> values = tensor.to_vector<double>();
      for (double& w : values) {
        if (std::abs(w) <= bound * (1 + 1e-6)) continue;  // c itself, rounded to float32
        ++beyond;
        w = std::copysign(bound, w);
      }
      if (back) tensor.assign(std::span<const double>(values));
    }
    return static_cast<double>(beyond) / static_cast<double>(critic_.parameters().parameter_count());
  }

 private:
  /// Spectral normalization's singular vectors belong to the weights they were iterated at. They begin at the trained
  /// critic's every time, so that the loss at a point does not depend on the points before.
  void settle() const {
    if (buffers_.empty()) return;
    const NoGrad no_grad;
    for (size_t i = 0; i < buffers_.size(); ++i) {
      critic_.buffers().tensors()[i].assign(std::span<const double>(buffers_[i]));
    }
    const Tensor row = slice(batch_.real, 0, 0, 1);
    for (int pass = 0; pass < passes; ++pass) (void)critic_(row);
  }

  Network critic_;
  std::vector<std::vector<double>> buffers_;  // as trained
  std::unique_ptr<Constraint> constraint_;
  CriticBatch batch_;
  std::vector<double> bounds_;
};

/// Loss minus loss at the centre over the unit, along each direction; the mean of the directions is kept, and the
/// lowest point of any.
void measure_slices(json& numbers, Landscape& landscape, int64_t seed, int64_t directions, int64_t points) {
  const std::vector<double> steps = steps_of(points);
  const double centre = landscape.loss().item(), unit = landscape.unit();
  const auto count = static_cast<size_t>(points);
  std::vector<double> mean(count), reachable(count), beyond(count);
  double lowest = 0, leaving = 0;
  for (int64_t k = 0; k < directions; ++k) {
    const auto direction = filter_normalized_direction(landscape.critic(), static_cast<uint64_t>(seed),
                                                       directions_from + static_cast<uint32_t>(k));
    const auto share = static_cast<double>(directions);
    const auto add = [&](std::vector<double>& to, const std::vector<double>& losses) {
      for (size_t i = 0; i < count; ++i) to[i] += (losses[i] - centre) / unit / share;
    };
    const auto losses =
        loss_on_plane(landscape.critic(), direction, {}, steps, [&] { return landscape.loss().item(); });
    add(mean, losses);
    lowest = std::min(lowest, (*std::min_element(losses.begin(), losses.end()) - centre) / unit);
    if (!landscape.bounded()) continue;
    std::vector<double> shares;
    add(reachable, loss_on_plane(landscape.critic(), direction, {}, steps, [&] {
          shares.push_back(landscape.outside(true));
          return landscape.loss().item();
        }));
    for (size_t i = 0; i < count; ++i) beyond[i] += shares[i] / share, leaving += shares[i] > 0 ? 1 : 0;
  }
  numbers["slice"] = {{"x", steps}, {"y", mean}};
  numbers["lowest_on_slices"] = lowest;
  numbers["change"] = (mean.front() + mean.back()) / 2;
  if (!landscape.bounded()) return;
  numbers["reachable"] = {{"x", steps}, {"y", reachable}};
  numbers["outside"] = {{"x", steps}, {"y", beyond}};
  numbers["change_reachable"] = (reachable.front() + reachable.back()) / 2;
  numbers["outside_at_ends"] = (beyond.front() + beyond.back()) / 2;
  numbers["steps_outside"] = leaving / static_cast<double>(directions * points);
}

/// The plane of two directions as a picture with level sets, the trained weights a dot in the middle.
void draw_landscape(json& numbers, Landscape& landscape, int64_t seed, int64_t resolution,
                    const std::filesystem::path& file) {
  const double centre = landscape.loss().item(), unit = landscape.unit();
  Field field{-landscape_reach, landscape_reach, static_cast<int>(resolution), {}};
  std::vector<double> steps(static_cast<size_t>(resolution));
  for (size_t i = 0; i < steps.size(); ++i) steps[i] = field_coordinate(field, static_cast<int>(i));
  const auto direction = [&](uint32_t k) {
    return filter_normalized_direction(landscape.critic(), static_cast<uint64_t>(seed), directions_from + k);
  };
  const auto losses =
      loss_on_plane(landscape.critic(), direction(0), direction(1), steps, [&] { return landscape.loss().item(); });
  for (size_t row = steps.size(); row-- > 0;) {  // a field's rows go down, the steps up
    for (size_t i = 0; i < steps.size(); ++i) {
      field.values.push_back(static_cast<float>((losses[row * steps.size() + i] - centre) / unit));
    }
  }
  const auto [low, high] = std::minmax_element(field.values.begin(), field.values.end());
  numbers["plane"] = {{"low", *low}, {"high", *high}};
  const std::array<float, 2> middle{0, 0};
  write_png(file, scatter(field, {}, middle, pixels));
}

/// Both ends of the Hessian's spectrum, as they are and without a unit: times |w|^2 over the scores' deviation, which
/// is twice what a move by the weights' own length changes in the loss to second order. That is the same for s w in the
/// place of w where the critic is homogeneous in its weights or, under a parametrization, does not depend on their
/// size; the raw eigenvalue is not.
json measure_curvature(const Landscape& landscape, int most) {
  const Curvature found = landscape.curvature(most);
  const double size = std::abs(found.eigenvalue), unit = landscape.unit(), squares = landscape.squared_norm();
  return {{"eigenvalue", found.eigenvalue},
          {"lowest", found.lowest},
          {"highest", found.highest},
          {"residual", found.residual},
          {"residual_share", size > 0 ? found.residual / size : 0},
          {"downwards", size > 0 ? std::max(0.0, -found.lowest) / size : 0},
          {"log_relative", std::log10(std::max(size * squares / unit, 1e-30))},
          {"products", found.iterations},
          {"settled", found.iterations < most ? 1 : 0},  // both ends, before the products ran out
          {"estimate", landscape.estimate()},
          {"unit", unit},
          {"squared_norm", squares}};
}

/// Samples and random numbers that stay as they are at every point of the landscape.
CriticBatch fixed_batch(const FrozenGenerator& data, int64_t seed, int64_t count) {
  constexpr TensorOptions wide{DType::float64, {}};
  const Tensor zero = zeros({}, {DType::int64, {}});
  const auto key = static_cast<uint64_t>(seed);
  const Tensor real = evaluation_samples(*data.real, seed, count, wide);
  return {.real = real,
          .fake = evaluation_samples(*data.fake, seed, count, wide),
          .eps = uniform({count}, key, stream_evaluation_eps, zero, DType::float64),
          .noise = uniform(real.shape(), key, stream_evaluation_noise, zero, DType::float64)};
}

}  // namespace

json measure_landscape(const json& settings, Device device, const std::filesystem::path& folder) {
  const RunConfig config = config_of(settings);
  const json& set = settings.at("landscape");
  const int most = static_cast<int>(integer(set, "products"));
  const FrozenGenerator data(config.data);
  CriticTrainer trainer = data.trainer(config, device);
  const CriticBatch batch = fixed_batch(data, config.seed, integer(set, "samples"));

  json numbers;
  double residual = 0;
  int settled = 0, products = 0;
  const auto* name = landscape_evaluations.begin();
  train_and_evaluate(trainer, integer(settings, "critic_steps"), 2, [&] {
    json found = measure_curvature({trainer.critic().network(), config, batch}, most);
    residual = std::max(residual, found.at("residual_share").get<double>());
    settled += found.at("settled").get<int>();
    products = std::max(products, found.at("products").get<int>());
    numbers[fmt::format("log_relative_{}", *name)] = found.at("log_relative");
    found["steps"] = trainer.steps_done();
    numbers[*name++] = found;
    return found;
  });
  numbers["residual"] = residual;
  numbers["settled"] = settled;
  numbers["products"] = products;
  for (const char* key : {"eigenvalue", "downwards"}) numbers[key] = numbers["end"][key];
  Landscape landscape(trainer.critic().network(), config, batch);
  measure_slices(numbers, landscape, config.seed, integer(set, "directions"), integer(set, "points"));
  draw_landscape(numbers, landscape, config.seed, integer(set, "resolution"), folder / "landscape.png");
  return numbers;
}

}  // namespace kantor::slow
