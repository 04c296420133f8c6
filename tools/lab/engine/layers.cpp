#include "tools/lab/engine/layers.h"

#include "engine/grad_mode.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace kantor::lab {

std::vector<UnitLayer> unit_layers(const Network& network) {
  std::vector<UnitLayer> layers;
  const nlohmann::json& all = network.description();
  int64_t units = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].value("type", "") != "linear") continue;
    // The units of the layer before: after its normalization and activation, as the new weights see them.
    if (i > 0) layers.push_back({fmt::format("hidden {}", layers.size() + 1), units, i - 1});
    units = all[i].value("out", int64_t{1});
  }
  layers.push_back({"output", units, all.size() - 1});
  return layers;
}

std::vector<float> grid_points(int64_t grid, double reach) {
  std::vector<float> points;
  points.reserve(static_cast<size_t>(2 * grid * grid));
  const auto place = [&](int64_t i) {
    return static_cast<float>(reach * (2 * static_cast<double>(i) / static_cast<double>(grid - 1) - 1));
  };
  for (int64_t row = 0; row < grid; ++row) {
    for (int64_t column = 0; column < grid; ++column) {
      points.push_back(place(column));
      points.push_back(place(row));
    }
  }
  return points;
}

Tensor values_at(const Network& network, const std::vector<float>& points) {
  const NoGrad no_grad;
  const auto count = static_cast<int64_t>(points.size() / 2);
  return network(from_host(points, {count, 2}, network.options()), Mode::evaluate);
}

}  // namespace kantor::lab
