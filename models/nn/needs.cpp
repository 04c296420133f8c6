#include "models/nn/needs.h"

#include "models/nn/layer.h"

#include <nlohmann/json.hpp>
#include <span>
#include <variant>

namespace kantor {
namespace {

int64_t parameters_of(const Layer& layer) {
  struct Count {
    int64_t operator()(const LinearLayer& l) const { return (l.in + 1) * l.out; }
    int64_t operator()(const ConvLayer& l) const { return (l.in * l.kernel * l.kernel + 1) * l.out; }
    int64_t operator()(const ConvTransposeLayer& l) const { return (l.in * l.kernel * l.kernel + 1) * l.out; }
    int64_t operator()(const BatchNormLayer& l) const { return 2 * l.channels; }
    int64_t operator()(const LayerNormLayer& l) const { return 2 * Shape{std::span<const int64_t>(l.shape)}.size(); }
    int64_t operator()(const RnnLayer& l) const { return (l.in + l.hidden + 1) * l.hidden; }
    int64_t operator()(const ActivationLayer&) const { return 0; }
    int64_t operator()(const GroupSortLayer&) const { return 0; }
    int64_t operator()(const FlattenLayer&) const { return 0; }
    int64_t operator()(const ReshapeLayer&) const { return 0; }
  };
  return std::visit(Count{}, layer);
}

}  // namespace

NetworkNeeds network_needs(const nlohmann::json& layers, const Shape& sample) {
  NetworkNeeds needs;
  Shape current = sample;
  for (size_t i = 0; i < layers.size(); ++i) {
    const Layer layer = parse_layer(layers[i], i);
    current = infer_sample(layer, current, i);
    needs.parameters += parameters_of(layer);
    needs.activations += current.size();
    if (std::holds_alternative<BatchNormLayer>(layer) && current.size() == current[0]) needs.smallest_batch = 2;
  }
  return needs;
}

}  // namespace kantor
