#include "models/studies/pile_up/weight_spread.h"

#include <algorithm>
#include <cmath>

namespace kantor::pile_up {
namespace {

using nlohmann::json;

/// Adds the `layer`-th weight matrix [out, in]. A weight from or to a unit that never fires has no gradient.
void add_layer(WeightSpread& spread, const ArenaRow& row, double bound, const std::vector<double>& weights,
               size_t layer, const Firing& firing) {
  const auto inputs = static_cast<size_t>(row.shape[1]);
  double largest = 0, at_end = 0, below = 0, live_at_end = 0, live = 0;
  for (const double w : weights) largest = std::max(largest, std::abs(w));
  const double end = std::isfinite(bound) ? bound : std::max(largest, 1e-300);
  // The score always counts as firing, and so does every unit of a critic without ReLU.
  const auto fires = [&](size_t l, size_t unit) { return l >= firing.size() || firing[l][unit]; };
  for (size_t k = 0; k < weights.size(); ++k) {
    const bool here = std::abs(weights[k]) >= near_the_end * end;
    const bool lives = (layer == 0 || fires(layer - 1, k % inputs)) && fires(layer, k / inputs);
    at_end += here ? 1 : 0;
    below += here && weights[k] < 0 ? 1 : 0;
    live_at_end += here && lives ? 1 : 0;
    live += lives ? 1 : 0;
    spread.relative.push_back(weights[k] / end);
  }
  spread.names.push_back(row.name);
  spread.layer_shares.push_back(at_end / static_cast<double>(weights.size()));
  spread.live_layer_shares.push_back(live > 0 ? json(live_at_end / live) : json());
  spread.largest = std::max(spread.largest, largest);
  spread.at_end += at_end;
  spread.below += below;
  spread.all += static_cast<double>(weights.size());
  spread.live_at_end += live_at_end;
  spread.live += live;
}

}  // namespace

WeightSpread weight_spread(const Network& critic, const std::vector<double>& bounds, const Firing& firing) {
  WeightSpread spread;
  size_t layer = 0;
  for (size_t i = 0; i < critic.roles().size(); ++i) {
    if (critic.roles()[i].bias || critic.roles()[i].norm) continue;
    add_layer(spread, critic.parameters().rows()[i], bounds[i], critic.parameters().tensors()[i].to_vector<double>(),
              layer++, firing);
  }
  return spread;
}

double dead_share(const Firing& firing) {
  double dead = 0, all = 0;
  for (const auto& layer : firing) {
    dead += static_cast<double>(std::count(layer.begin(), layer.end(), false));
    all += static_cast<double>(layer.size());
  }
  return all > 0 ? dead / all : 0;
}

}  // namespace kantor::pile_up
