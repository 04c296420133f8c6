#include "models/nn/architectures.h"

#include "engine/error.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace kantor {
namespace {

using nlohmann::json;

json activation_layer(const std::string& name) {
  json layer{{"type", name}};
  if (name == "leaky_relu") layer["slope"] = 0.2;
  return layer;
}

/// Appends the normalization of a layer of `channels`, or of a picture [channels, size, size].
void append_norm(json& layers, const std::string& norm, int64_t channels, int64_t size = 0) {
  if (norm == "batch") {
    layers.push_back({{"type", "batch_norm"}, {"channels", channels}});
  } else if (norm == "layer") {
    layers.push_back({{"type", "layer_norm"}, {"shape", size > 0 ? json{channels, size, size} : json{channels}}});
  } else if (norm != "none") {
    throw Error(fmt::format("unknown normalization '{}'; known are none, batch, layer", norm));
  }
}

/// Picture sides from the smallest to the full size, each twice the last (7 to 14 to 28 begins at 4).
std::vector<int64_t> sides(const DcganSpec& spec) {
  switch (spec.size) {
    case 16:
      return {4, 8, 16};
    case 28:
      return {4, 7, 14, 28};
    case 32:
      return {4, 8, 16, 32};
    case 64:
      return {4, 8, 16, 32, 64};
    default:
      throw ShapeError(fmt::format("dcgan of {} pixels a side; possible are 16, 28, 32, 64", spec.size));
  }
}

void check(const DcganSpec& spec) {
  if (spec.channels != 1 && spec.channels != 3) {
    throw ShapeError(fmt::format("dcgan of {} channels; possible are 1 and 3", spec.channels));
  }
  if (spec.dim < 1 || spec.z < 1) throw ShapeError("dcgan: dim and z must be at least 1");
}

}  // namespace

json mlp(const MlpSpec& spec) {
  json layers = json::array();
  int64_t in = spec.in;
  for (int i = 0; i < spec.depth; ++i) {
    layers.push_back({{"type", "linear"}, {"in", in}, {"out", spec.width}});
    append_norm(layers, spec.norm, spec.width);
    layers.push_back(activation_layer(spec.activation));
    in = spec.width;
  }
  layers.push_back({{"type", "linear"}, {"in", in}, {"out", spec.out}});
  return layers;
}

json dcgan_critic(const DcganSpec& spec) {
  check(spec);
  const std::vector<int64_t> side = sides(spec);
  json layers = json::array();
  int64_t in = spec.channels, out = spec.dim;
  for (size_t i = side.size() - 1; i > 0; --i) {
    layers.push_back({{"type", "conv2d"}, {"in", in}, {"out", out}, {"kernel", 5}, {"stride", 2}, {"padding", 2}});
    if (i + 1 < side.size()) append_norm(layers, spec.norm, out, side[i - 1]);
    layers.push_back(activation_layer("leaky_relu"));
    in = out;
    out *= 2;
  }
  layers.push_back({{"type", "flatten"}});
  layers.push_back({{"type", "linear"}, {"in", in * side[0] * side[0]}, {"out", 1}});
  return layers;
}

json dcgan_generator(const DcganSpec& spec) {
  check(spec);
  if (spec.norm == "layer") throw Error("a dcgan generator takes the normalizations none and batch");
  const std::vector<int64_t> side = sides(spec);
  int64_t in = spec.dim << (side.size() - 2);
  json layers = json::array();
  layers.push_back({{"type", "linear"}, {"in", spec.z}, {"out", in * side[0] * side[0]}});
  layers.push_back({{"type", "reshape"}, {"shape", {in, side[0], side[0]}}});
  append_norm(layers, spec.norm, in);
  layers.push_back(activation_layer("relu"));
  for (size_t i = 1; i < side.size(); ++i) {
    const bool last = i + 1 == side.size();
    const int64_t out = last ? spec.channels : in / 2;
    layers.push_back({{"type", "conv_transpose2d"},
                      {"in", in},
                      {"out", out},
                      {"kernel", 5},
                      {"stride", 2},
                      {"padding", 2},
                      {"output_padding", side[i] % 2 == 0 ? 1 : 0}});
    if (!last) append_norm(layers, spec.norm, out);
    layers.push_back(activation_layer(last ? "sigmoid" : "relu"));
    in = out;
  }
  return layers;
}

json rnn_critic(int64_t in, int64_t hidden) {
  return json::array(
      {{{"type", "rnn"}, {"in", in}, {"hidden", hidden}}, {{"type", "linear"}, {"in", hidden}, {"out", 1}}});
}

}  // namespace kantor
