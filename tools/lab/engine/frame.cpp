// One frame of the page: what is drawn of each model as it is now.
#include "engine/grad_mode.h"
#include "engine/ops.h"
#include "models/metrics/histogram.h"
#include "models/training/probe.h"
#include "models/training/random_streams.h"
#include "tools/lab/engine/layers.h"
#include "tools/lab/engine/session.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <set>

namespace kantor::lab {
namespace {

constexpr int weight_bins = 41;
constexpr int64_t manifold_grid = 16;
constexpr double manifold_reach = 2;  // of the noise

/// Histogram of the weights of linear layers; under clipping from -c to c with a little room.
json weight_histogram(const Trainer& trainer, std::vector<float>& counts) {
  const Network& critic = trainer.critic().network();
  const std::vector<double>& bounds = trainer.critic().trainable().optimizer().bounds();
  std::vector<double> weights;
  double bound = INFINITY, largest = 0;
  for (size_t i = 0; i < critic.roles().size(); ++i) {
    if (critic.roles()[i].bias || critic.roles()[i].norm) continue;
    const std::vector<double> values = critic.parameters().tensors()[i].to_vector<double>();
    weights.insert(weights.end(), values.begin(), values.end());
    if (!bounds.empty()) bound = std::min(bound, bounds[i]);
  }
  for (const double w : weights) largest = std::max(largest, std::isfinite(w) ? std::abs(w) : 0);
  const double high = 1.05 * (std::isfinite(bound) ? bound : std::max(largest, 1e-6));
  const Histogram histogram = make_histogram(std::span<const double>(weights), -high, high, weight_bins);
  counts.assign(histogram.counts.begin(), histogram.counts.end());
  return {{"low", -high}, {"high", high}, {"bins", weight_bins}, {"c", std::isfinite(bound) ? json(bound) : json()}};
}

/// Root mean square of d loss / d W of the last update, for each layer that has weights.
json layer_gradients(const Trainer& trainer, std::vector<float>& sizes) {
  json names = json::array();
  const TrainableNetwork& critic = trainer.critic().trainable();
  for (size_t i = 0; i < critic.network().roles().size(); ++i) {
    if (critic.network().roles()[i].bias || critic.network().roles()[i].norm) continue;
    double squares = 0;
    const std::vector<double> values = critic.gradients().tensors()[i].to_vector<double>();
    for (const double g : values) squares += g * g;
    sizes.push_back(static_cast<float>(std::sqrt(squares / static_cast<double>(values.size()))));
    names.push_back(fmt::format("W{}", names.size() + 1));
  }
  return names;
}

/// The index of each generated sample's partner under the best matching.
std::vector<float> transport_plan(const std::vector<float>& fake, const std::vector<float>& real) {
  std::vector<float> partners;
  for (const int64_t index : optimal_transport(fake, real, 2).match) partners.push_back(static_cast<float>(index));
  return partners;
}

/// Where the generator sends a regular net of noise; empty unless the noise is a plane.
std::vector<float> manifold(const Trainer& trainer) {
  if (trainer.config().z != 2) return {};
  return values_at(trainer.generator().sampler(), grid_points(manifold_grid, manifold_reach)).to_vector<float>();
}

/// What the request asks for.
struct Wanted {
  std::set<std::string> parts;
  int64_t grid = 0, samples = 0;
  [[nodiscard]] bool has(const char* part) const { return parts.contains(part); }
};

void draw_arm(Session& session, size_t k, const Wanted& wanted, Answer& answer) {
  const Trainer& trainer = *session.arms()[k].trainer;
  const Network& critic = trainer.critic().network();
  const auto array = [&](const char* name) -> std::vector<float>& {
    return answer.arrays[fmt::format("{}{}", name, k)];
  };
  json& fields = answer.fields["arms"][k];

  const Tensor fake = trainer.generate(wanted.samples, stream_pictures, 0).detach();
  const std::vector<float> points = fake.to_vector<float>();
  if (wanted.has("samples")) array("fake") = points;
  if (wanted.has("field")) {
    array("field") = values_at(critic, grid_points(wanted.grid, session.reach())).to_vector<float>();
  }
  if (wanted.has("arrows")) array("arrows") = input_gradients(critic, fake).to_vector<float>();
  if (wanted.has("interpolates") || wanted.has("norms")) {
    const Tensor real = from_host(answer.arrays["real"], {wanted.samples, 2});
    const Tensor step = full({}, 0, {DType::int64, {}});
    const Tensor between =
        interpolate(real, fake, Draw{static_cast<uint64_t>(trainer.config().seed), stream_evaluation_eps, step});
    array("interpolates") = between.to_vector<float>();
    const std::vector<double> norms = gradient_norms(critic, between);
    array("norms").assign(norms.begin(), norms.end());
  }
  if (wanted.has("weights")) fields["weights"] = weight_histogram(trainer, array("weights"));
  if (wanted.has("layers")) fields["layers"] = layer_gradients(trainer, array("layers"));
  if (wanted.has("manifold")) array("manifold") = manifold(trainer);
  if (wanted.has("plan") && session.arms()[k].diverged.empty()) {
    array("plan") = transport_plan(points, answer.arrays["real"]);
  }
}

}  // namespace

json frame_parts() {
  return {"field", "samples", "arrows", "interpolates", "norms", "weights", "layers", "plan", "manifold"};
}

void frame(Session& session, const json& request, Answer& answer) {
  Wanted wanted;
  for (const json& part : request.value("parts", json::array())) wanted.parts.insert(part.get<std::string>());
  wanted.samples = whole_number(request, "samples", 1, 2048);
  if (wanted.has("field")) wanted.grid = whole_number(request, "grid", 2, 256);
  const Trainer& first = *session.arms()[0].trainer;
  answer.fields["arms"] = json::array();
  answer.fields["step"] = session.steps_done();
  answer.arrays["real"] =
      session.data().draw(static_cast<uint64_t>(first.config().seed), stream_pictures, 0, wanted.samples);
  for (size_t k = 0; k < session.arms().size(); ++k) {
    answer.fields["arms"].push_back(json::object());
    draw_arm(session, k, wanted, answer);
  }
}

}  // namespace kantor::lab
