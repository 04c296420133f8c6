// What the critic's units compute over the plane.
#include "engine/grad_mode.h"
#include "tools/lab/engine/layers.h"
#include "tools/lab/engine/session.h"

#include <algorithm>

namespace kantor::lab {
namespace {

/// The outputs of all layers at the points of a net.
std::vector<Tensor> trace_plane(const Network& critic, int64_t grid, double reach) {
  const NoGrad no_grad;
  std::vector<Tensor> outputs;
  const Tensor points = from_host(grid_points(grid, reach), {grid * grid, 2}, critic.options());
  (void)critic.trace(points, outputs, Mode::evaluate);
  return outputs;
}

/// Appends column `unit` of a layer's output [points, units].
void append_unit(std::vector<float>& to, const std::vector<float>& values, int64_t units, int64_t unit) {
  for (auto i = static_cast<size_t>(unit); i < values.size(); i += static_cast<size_t>(units)) {
    to.push_back(values[i]);
  }
}

}  // namespace

void units(Session& session, const json& request, Answer& answer) {
  const Network& critic = session.arm(request).trainer->critic().network();
  const int64_t grid = whole_number(request, "grid", 2, 128), limit = whole_number(request, "limit", 1, 128);
  const std::vector<Tensor> outputs = trace_plane(critic, grid, session.reach());
  json layers = json::array();
  std::vector<float>& all = answer.arrays["units"];
  for (const UnitLayer& layer : unit_layers(critic)) {
    const std::vector<float> values = outputs[layer.traced].to_vector<float>();
    const int64_t here = std::min(limit, layer.units);
    for (int64_t i = 0; i < here; ++i) append_unit(all, values, layer.units, i);
    layers.push_back({{"name", layer.name}, {"units", here}});
  }
  answer.fields["layers"] = std::move(layers);
}

void unit(Session& session, const json& request, Answer& answer) {
  const Network& critic = session.arm(request).trainer->critic().network();
  const std::vector<UnitLayer> layers = unit_layers(critic);
  const UnitLayer& layer =
      layers[static_cast<size_t>(whole_number(request, "layer", 0, static_cast<int64_t>(layers.size()) - 1))];
  const int64_t index = whole_number(request, "unit", 0, layer.units - 1);
  const std::vector<Tensor> outputs = trace_plane(critic, whole_number(request, "grid", 2, 256), session.reach());
  append_unit(answer.arrays["field"], outputs[layer.traced].to_vector<float>(), layer.units, index);
}

}  // namespace kantor::lab
