// The critic as a person counts it: hidden layers of units, and the output.
#pragma once

#include "models/nn/network.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kantor::lab {

/// A layer of units: what the next weights, or the score, are made of.
struct UnitLayer {
  std::string name;  // "hidden 1", "output"
  int64_t units = 0;
  size_t traced = 0;  // its place in Network::trace
};
std::vector<UnitLayer> unit_layers(const Network& network);

/// x, y of the points of a grid x grid net over the square [-reach, reach]^2; row 0 is at the bottom.
std::vector<float> grid_points(int64_t grid, double reach);
/// What the network makes of points of the plane, [count, outputs].
Tensor values_at(const Network& network, const std::vector<float>& points);

}  // namespace kantor::lab
