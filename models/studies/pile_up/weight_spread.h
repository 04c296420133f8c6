// Where a critic's weights lie in their range, and which of its units fire: a part of the study pile-up.
#pragma once

#include "models/nn/network.h"

#include <nlohmann/json.hpp>
#include <vector>

namespace kantor::pile_up {

constexpr double near_the_end = 0.999;  // of its range: where a weight counts as at its end

using Firing = std::vector<std::vector<bool>>;  // whether each unit of each hidden layer fires, as firing_units tells

/// Of a critic's weight matrices. A weight's range is [-c, c] under clipping, else what the layer's largest spans.
struct WeightSpread {
  double at_end = 0, below = 0, all = 0, largest = 0;  // weights; below: at the negative end
  double live_at_end = 0, live = 0;                    // of those between units that fire
  nlohmann::json layer_shares = nlohmann::json::array(), live_layer_shares = nlohmann::json::array(),
                 names = nlohmann::json::array();
  std::vector<double> relative;  // every weight over the end of its range
};
/// `bounds` as Optimizer::bounds gives them.
WeightSpread weight_spread(const Network& critic, const std::vector<double>& bounds, const Firing& firing);

/// Share of the hidden units that never fire.
double dead_share(const Firing& firing);

}  // namespace kantor::pile_up
