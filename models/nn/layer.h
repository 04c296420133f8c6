// Layers: plain structs that say what a layer is. Network holds their parameters and runs them.
#pragma once

#include "engine/ops.h"
#include "models/nn/parametrization.h"

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <variant>
#include <vector>

namespace kantor {

struct LinearLayer {
  int64_t in, out;
  Parametrization parametrization = Parametrization::none;
};
struct ConvLayer {
  int64_t in, out, kernel;
  ConvParams window;
  Parametrization parametrization = Parametrization::none;
};
/// Out extent: (in - 1) stride - 2 padding + kernel + output_padding.
struct ConvTransposeLayer {
  int64_t in, out, kernel;
  ConvParams window;
  int64_t output_padding;
};
struct ActivationLayer {
  Activation activation;
};
/// Sorts groups of neighbouring features or channels, whose number they must divide.
struct GroupSortLayer {
  int64_t group = 2;
};
/// Flattens to PyTorch's order (C, H, W).
struct FlattenLayer {};
/// Reshapes a row to [C, H, W] or another shape of PyTorch's order.
struct ReshapeLayer {
  std::vector<int64_t> shape;
};
struct BatchNormLayer {
  int64_t channels;
};
/// Normalizes over all axes of one sample.
struct LayerNormLayer {
  std::vector<int64_t> shape;
};
/// Elman: h = tanh(W_ih x_t + W_hh h + b), zero start, last state out: [B, T, in] -> [B, hidden].
struct RnnLayer {
  int64_t in, hidden;
  Parametrization parametrization = Parametrization::none;  // of both weights
};

using Layer = std::variant<LinearLayer, ConvLayer, ConvTransposeLayer, ActivationLayer, GroupSortLayer, FlattenLayer,
                           ReshapeLayer, BatchNormLayer, LayerNormLayer, RnnLayer>;

/// The parametrization of the layer's weights; `none` for a layer that has no choice.
Parametrization parametrization_of(const Layer& layer);

/// One layer of the JSON notation. Throws Error naming the position, what was found and what is known.
Layer parse_layer(const nlohmann::json& description, size_t position);

/// Shape of one sample after the layer, in PyTorch's order. Throws ShapeError naming the position and both shapes.
Shape infer_sample(const Layer& layer, const Shape& sample, size_t position);

}  // namespace kantor
