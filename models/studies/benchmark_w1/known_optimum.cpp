#include "models/studies/benchmark_w1/known_optimum.h"

#include "engine/random.h"
#include "models/files/png.h"
#include "models/metrics/agreement.h"
#include "models/training/picture.h"
#include "models/training/probe.h"
#include "models/training/random_streams.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace kantor::benchmark_w1 {
namespace {

/// As many points of the plane as fit into a picture.
std::span<const float> some(const std::vector<float>& points) {
  return std::span(points).first(std::min<size_t>(points.size(), 1024));
}

/// -grad u at x in float32, by the distances that torch.cdist computes for many points.
void float32_gradient(const Funnels& funnels, std::span<const float> x, std::span<double> gradient) {
  float least = std::numeric_limits<float>::infinity();
  for (size_t n = 0; n < funnels.offsets().size(); ++n) {
    const std::span<const double> a = std::span(funnels.centres()).subspan(n * x.size(), x.size());
    float products = 0, own = 0, centre = 0;
    for (size_t d = 0; d < x.size(); ++d) {
      const auto at = static_cast<float>(a[d]);
      products += -2 * x[d] * at;
      own += x[d] * x[d];
      centre += at * at;
    }
    const float distance = std::sqrt(std::max(0.0F, products + own + centre));
    const float value = distance + static_cast<float>(funnels.offsets()[n]);
    if (value >= least) continue;
    least = value;
    for (size_t d = 0; d < x.size(); ++d) {
      gradient[d] = distance > 0 ? (static_cast<float>(a[d]) - x[d]) / distance : 0;
    }
  }
}

}  // namespace

KnownOptimum::KnownOptimum(Funnels funnels, int64_t seed, int64_t samples)
    : funnels_(std::move(funnels)), samples_(samples) {
  const auto dimensions = static_cast<size_t>(funnels_.dimensions());
  p_.resize(static_cast<size_t>(samples) * dimensions);
  q_.resize(p_.size());
  independent_q_.resize(p_.size());
  gradients_.resize(p_.size());
  float32_gradients_.resize(p_.size());
  funnels_.draw(static_cast<uint64_t>(seed), stream_evaluation_data, 0, samples, p_.data(), q_.data());
  funnels_.draw(static_cast<uint64_t>(seed), stream_evaluation_data, 1, samples, nullptr, independent_q_.data());
  std::vector<double> y(dimensions);
  for (size_t i = 0; i < q_.size(); i += dimensions) {
    std::copy_n(q_.begin() + static_cast<std::ptrdiff_t>(i), dimensions, y.begin());
    funnels_.critic_gradient(y, std::span(gradients_).subspan(i, dimensions));
    float32_gradient(funnels_, std::span(p_).subspan(i, dimensions),
                     std::span(float32_gradients_).subspan(i, dimensions));
  }
}

nlohmann::json KnownOptimum::measure(const Network& critic) const {
  const Shape shape{samples_, funnels_.dimensions()};
  const auto points = [&](const std::vector<float>& values) { return from_host(values, shape, critic.options()); };
  const Tensor p = points(p_);
  const std::vector<float> found = input_gradients(critic, p).to_vector<float>();
  const Agreement agreement = compare_gradients(found, gradients_, funnels_.dimensions());
  const Agreement float32 = compare_gradients(found, float32_gradients_, funnels_.dimensions());
  return {{"w1", wasserstein_estimate(critic, p, points(q_))},
          {"w1_independent", wasserstein_estimate(critic, p, points(independent_q_))},
          {"cosine", agreement.cosine},
          {"squared_gradient_error", agreement.squared_error},
          {"cosine_float32", float32.cosine},
          {"squared_gradient_error_float32", float32.squared_error},
          {"norm", agreement.norm}};
}

Image KnownOptimum::draw(const Network& critic) const {
  return draw_plane(critic, some(p_), some(q_));
}

Image KnownOptimum::draw() const {
  const auto optimum = [this](std::span<const float> points) {
    std::vector<float> values;
    for (size_t i = 0; i < points.size(); i += 2) {
      const double x[] = {points[i], points[i + 1]};
      values.push_back(static_cast<float>(-funnels_.potential(x)));
    }
    return values;
  };
  return draw_plane(optimum, some(p_), some(q_));
}

}  // namespace kantor::benchmark_w1
