#include "models/nn/network.h"

#include "engine/error.h"
#include "engine/grad_mode.h"
#include "engine/in_place.h"
#include "engine/random.h"
#include "models/files/text.h"
#include "models/nn/layer.h"

#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <utility>

namespace kantor {
namespace {

constexpr double running_momentum = 0.1;
constexpr int first_power_iterations = 15;  // before training, as PyTorch's spectral_norm
constexpr int first_retraction = 40;        // of a random start, whose smallest singular values are near 0

bool is_spectral(Parametrization p) {
  return p == Parametrization::spectral || p == Parametrization::spectral_detached;
}

/// One parameter of a layer before it has memory. `file` is its shape in PyTorch's layout.
struct Declaration {
  std::string name;
  Shape file;
  Network::Role role;
};

std::vector<Declaration> declare(const Layer& layer, const Shape& sample) {
  const auto weight = [](const std::string& name, const Shape& shape, Layout layout, int64_t fan_in, int64_t fan_out) {
    return Declaration{name, shape, {layout, false, false, fan_in, fan_out}};
  };
  const auto bias = [](int64_t size, int64_t fan_in) {
    return Declaration{"bias", {size}, {Layout::plain, true, false, fan_in, size}};
  };
  const auto norm = [](const std::string& name, const Shape& shape) {
    return Declaration{name, shape, {shape.rank() == 3 ? Layout::channels_last : Layout::plain, false, true, 0, 0}};
  };
  struct Declare {
    const decltype(weight)& w;
    const decltype(bias)& b;
    const decltype(norm)& n;
    const Shape& sample;
    std::vector<Declaration> operator()(const LinearLayer& l) const {
      return {w("weight", {l.out, l.in}, Layout::plain, l.in, l.out), b(l.out, l.in)};
    }
    std::vector<Declaration> operator()(const ConvLayer& l) const {
      const int64_t area = l.kernel * l.kernel;
      return {w("weight", {l.out, l.in, l.kernel, l.kernel}, Layout::filter, l.in * area, l.out * area),
              b(l.out, l.in * area)};
    }
    std::vector<Declaration> operator()(const ConvTransposeLayer& l) const {  // stored [in, out, k, k]
      const int64_t area = l.kernel * l.kernel;
      return {w("weight", {l.in, l.out, l.kernel, l.kernel}, Layout::filter, l.out * area, l.in * area),
              b(l.out, l.out * area)};
    }
    std::vector<Declaration> operator()(const BatchNormLayer& l) const {
      return {n("weight", {l.channels}), n("bias", {l.channels})};
    }
    std::vector<Declaration> operator()(const LayerNormLayer& l) const {
      const Shape shape{std::span<const int64_t>(l.shape)};
      return {n("weight", shape), n("bias", shape)};
    }
    std::vector<Declaration> operator()(const RnnLayer& l) const {
      return {w("weight_ih", {l.hidden, l.in}, Layout::plain, l.in, l.hidden),
              w("weight_hh", {l.hidden, l.hidden}, Layout::plain, l.hidden, l.hidden), b(l.hidden, l.hidden)};
    }
    std::vector<Declaration> operator()(const ActivationLayer&) const { return {}; }
    std::vector<Declaration> operator()(const GroupSortLayer&) const { return {}; }
    std::vector<Declaration> operator()(const FlattenLayer&) const { return {}; }
    std::vector<Declaration> operator()(const ReshapeLayer&) const { return {}; }
  };
  return std::visit(Declare{weight, bias, norm, sample}, layer);
}

}  // namespace

Initialization parse_initialization(const std::string& name) {
  static const std::vector<std::pair<std::string, Initialization>> known{
      {"he_uniform", Initialization::he_uniform},
      {"pytorch", Initialization::pytorch},
      {"xavier_uniform", Initialization::xavier_uniform},
      {"dcgan", Initialization::dcgan},
      {"uniform", Initialization::uniform}};
  for (const auto& [text, value] : known) {
    if (text == name) return value;
  }
  throw Error(
      fmt::format("unknown initialization '{}'; known are he_uniform, pytorch, xavier_uniform, dcgan, uniform", name));
}

struct Network::State {
  nlohmann::json description;
  Shape sample, output;
  NetworkOptions options;
  std::vector<Layer> layers;
  std::vector<size_t> first_parameter, first_buffer;  // row of each layer's first one
  Arena parameters, buffers;
  std::vector<Role> roles;
  bool has_batch_norm = false;

  void initialize();
  void start_singular_vectors();
  [[nodiscard]] Tensor run(const Tensor& x, Mode mode, std::vector<Tensor>* outputs) const;
  [[nodiscard]] Tensor batch_norm_layer(size_t i, const Tensor& x, Mode mode) const;
  [[nodiscard]] Tensor rnn(size_t i, const Tensor& x, Mode mode) const;
  /// What layer i multiplies by: its k-th parameter, parametrized.
  [[nodiscard]] Tensor weight(size_t i, size_t k, Mode mode) const;
};

/// Weights from one stream, one step per row, so that a row's values do not depend on the others.
void Network::State::initialize() {
  const auto kind = options.initialization;
  for (size_t i = 0; i < roles.size(); ++i) {
    const Role& role = roles[i];
    const Tensor& tensor = parameters.tensors()[i];
    const auto& name = parameters.rows()[i].name;
    HostRandom random(options.seed, options.stream, i);
    const auto fan_in = static_cast<double>(role.fan_in), fan_out = static_cast<double>(role.fan_out);
    const double bound = kind == Initialization::he_uniform       ? std::sqrt(6 / fan_in)
                         : kind == Initialization::xavier_uniform ? std::sqrt(6 / (fan_in + fan_out))
                         : kind == Initialization::uniform        ? options.uniform_bound
                                                                  : 1 / std::sqrt(fan_in);
    const bool zero_bias = kind != Initialization::pytorch;
    std::vector<double> values(static_cast<size_t>(tensor.size()));
    for (double& value : values) {
      if (role.norm) {
        const bool scale = name.ends_with("weight");
        value = !scale ? 0 : kind == Initialization::dcgan ? 1 + 0.02 * random.normal() : 1;
      } else if (role.bias && zero_bias) {
        value = 0;
      } else {
        value = kind == Initialization::dcgan ? 0.02 * random.normal() : (2 * random.uniform() - 1) * bound;
      }
    }
    tensor.assign(std::span<const double>(values));
  }
  for (size_t i = 0; i < buffers.rows().size(); ++i) {
    if (buffers.rows()[i].name.ends_with("running_var")) {
      buffers.tensors()[i].copy_from(ones(buffers.rows()[i].shape, options.tensor));
    }
  }
  start_singular_vectors();
}

/// Iterates from a random direction (Miyato et al. 2018) until training can begin near the true norm. A layer's
/// weights come before its bias, and each has one vector, in their order.
void Network::State::start_singular_vectors() {
  for (size_t i = 0; i < layers.size(); ++i) {
    if (!is_spectral(parametrization_of(layers[i]))) continue;
    const size_t end = i + 1 < layers.size() ? first_buffer[i + 1] : buffers.rows().size();
    for (size_t row = first_buffer[i]; row < end; ++row) {
      const Tensor& u = buffers.tensors()[row];
      HostRandom random(options.seed, options.stream, roles.size() + row);
      std::vector<double> values(static_cast<size_t>(u.size()));
      for (double& value : values) value = random.normal();
      u.assign(std::span<const double>(values));
      const Tensor& w = parameters.tensors()[first_parameter[i] + row - first_buffer[i]];
      for (int k = 0; k < first_power_iterations; ++k) u.copy_from(reshape(power_iteration(w, u).u, u.shape()));
    }
  }
}

Tensor Network::State::weight(size_t i, size_t k, Mode mode) const {
  const Tensor& w = parameters.tensors()[first_parameter[i] + k];
  switch (parametrization_of(layers[i])) {
    case Parametrization::none:
      return w;
    case Parametrization::weight_norm:
      return weight_normalize(w);
    case Parametrization::bjorck:
      return bjorck_orthonormalize(w);
    case Parametrization::orthonormal:
      return orthonormal_step(w);
    case Parametrization::spectral:
    case Parametrization::spectral_detached: {
      const Tensor& u = buffers.tensors()[first_buffer[i] + k];
      const SingularPair pair = mode == Mode::train ? power_iteration(w, u) : right_singular(w, u);
      if (mode == Mode::train) u.copy_from(reshape(pair.u, u.shape()));
      return spectral_normalize(w, pair, parametrization_of(layers[i]) == Parametrization::spectral_detached);
    }
  }
  return w;
}

Tensor Network::State::batch_norm_layer(size_t i, const Tensor& x, Mode mode) const {
  const Tensor* p = &parameters.tensors()[first_parameter[i]];
  const Tensor* statistics = &buffers.tensors()[first_buffer[i]];
  if (mode == Mode::evaluate) return batch_norm_fixed(x, p[0], p[1], statistics[0], statistics[1]);
  const BatchNormResult result = batch_norm(x, p[0], p[1]);
  const int64_t rows = x.size() / x.shape()[-1];
  const auto n = static_cast<double>(rows);
  blend(statistics[0], result.mean, 1 - running_momentum, running_momentum);
  blend(statistics[1], result.variance, 1 - running_momentum, running_momentum * (n > 1 ? n / (n - 1) : 1));
  return result.y;
}

Tensor Network::State::rnn(size_t i, const Tensor& x, Mode mode) const {
  const int64_t batch = x.shape()[0], steps = x.shape()[1], in = x.shape()[2];
  const Tensor w_ih = weight(i, 0, mode), w_hh = weight(i, 1, mode);
  const Tensor& bias = parameters.tensors()[first_parameter[i] + 2];
  const auto at = [&](int64_t t) { return reshape(slice(x, 1, t, t + 1), {batch, in}); };
  Tensor h = linear(at(0), w_ih, bias, {Activation::Kind::tanh});  // the start is zero
  for (int64_t t = 1; t < steps; ++t) h = tanh(linear(at(t), w_ih, bias) + linear(h, w_hh, {}));
  return h;
}

Tensor Network::State::run(const Tensor& input, Mode mode, std::vector<Tensor>* outputs) const {
  Tensor x = input;
  for (size_t i = 0; i < layers.size(); ++i) {
    const Tensor* p = parameters.tensors().data() + first_parameter[i];
    const auto* next = i + 1 < layers.size() ? std::get_if<ActivationLayer>(&layers[i + 1]) : nullptr;
    const Activation fused = next ? next->activation : Activation{};
    const int64_t batch = x.shape()[0];
    if (std::holds_alternative<LinearLayer>(layers[i])) {
      x = linear(x, weight(i, 0, mode), p[1], fused);
    } else if (const auto* conv = std::get_if<ConvLayer>(&layers[i])) {
      x = conv2d(x, weight(i, 0, mode), conv->window, p[1], fused);
    } else if (const auto* up = std::get_if<ConvTransposeLayer>(&layers[i])) {
      const auto extent = [&](int64_t e) {
        return (e - 1) * up->window.stride - 2 * up->window.padding + up->kernel + up->output_padding;
      };
      x = conv2d_input_grad(x, p[0], up->window, extent(x.shape()[1]), extent(x.shape()[2]), p[1], fused);
    } else {
      next = nullptr;
      if (const auto* activation = std::get_if<ActivationLayer>(&layers[i])) {
        x = activate(x, activation->activation);
      } else if (const auto* sorted = std::get_if<GroupSortLayer>(&layers[i])) {
        x = group_sort(x, sorted->group);
      } else if (std::holds_alternative<FlattenLayer>(layers[i])) {
        x = reshape(to_channels_first(x), {batch, batch == 0 ? 0 : x.size() / batch});
      } else if (const auto* shaped = std::get_if<ReshapeLayer>(&layers[i])) {
        std::vector<int64_t> shape{batch};
        shape.insert(shape.end(), shaped->shape.begin(), shaped->shape.end());
        x = to_channels_last(reshape(to_channels_first(x), Shape(shape)));
      } else if (std::holds_alternative<BatchNormLayer>(layers[i])) {
        x = batch_norm_layer(i, x, mode);
      } else if (std::holds_alternative<LayerNormLayer>(layers[i])) {
        x = layer_norm(x, p[0], p[1]);
      } else {
        x = rnn(i, x, mode);
      }
    }
    if (outputs) outputs->push_back(x);
    if (next) {
      if (outputs) outputs->push_back(x);
      ++i;
    }
  }
  return x;
}

Network::Network(const nlohmann::json& layers, const Shape& sample, const NetworkOptions& options)
    : state_(std::make_unique<State>()) {
  if (!layers.is_array() || layers.empty()) {
    throw Error("a network is a list of layers, each an object with a \"type\"; found " + layers.dump().substr(0, 80));
  }
  State& s = *state_;
  s.description = layers;
  s.sample = sample;
  s.options = options;
  Shape current = sample;
  std::vector<std::pair<std::string, Shape>> parameters, buffers;
  for (size_t i = 0; i < layers.size(); ++i) {
    s.layers.push_back(parse_layer(layers[i], i));
    s.first_parameter.push_back(parameters.size());
    s.first_buffer.push_back(buffers.size());
    for (const Declaration& d : declare(s.layers.back(), current)) {
      parameters.emplace_back(fmt::format("{}.{}", i, d.name), engine_shape(d.file, d.role.layout));
      s.roles.push_back(d.role);
      if (is_spectral(parametrization_of(s.layers.back())) && !d.role.bias) {
        buffers.emplace_back(fmt::format("{}.{}_u", i, d.name), Shape{d.file[0]});
      }
    }
    if (const auto* norm = std::get_if<BatchNormLayer>(&s.layers.back())) {
      s.has_batch_norm = true;
      buffers.emplace_back(fmt::format("{}.running_mean", i), Shape{norm->channels});
      buffers.emplace_back(fmt::format("{}.running_var", i), Shape{norm->channels});
    }
    current = infer_sample(s.layers.back(), current, i);
  }
  s.output = current;
  s.parameters = Arena(parameters, options.tensor);
  s.buffers = Arena(buffers, options.tensor);
  s.initialize();
  retract(first_retraction);
}

void Network::retract(int iterations) const {
  const NoGrad no_grad;
  for (size_t i = 0; i < state_->layers.size(); ++i) {
    if (parametrization_of(state_->layers[i]) != Parametrization::orthonormal) continue;
    const Tensor& w = parameters().tensors()[state_->first_parameter[i]];
    w.copy_from(bjorck_orthonormalize(w, iterations));
  }
}

Network::~Network() = default;
Network::Network(Network&&) noexcept = default;
Network& Network::operator=(Network&&) noexcept = default;

Tensor Network::operator()(const Tensor& x, Mode mode) const {
  return state_->run(x, mode, nullptr);
}
Tensor Network::trace(const Tensor& x, std::vector<Tensor>& outputs, Mode mode) const {
  return state_->run(x, mode, &outputs);
}

const Arena& Network::parameters() const {
  return state_->parameters;
}
Arena& Network::parameters() {
  return state_->parameters;
}
const Arena& Network::buffers() const {
  return state_->buffers;
}
const std::vector<Network::Role>& Network::roles() const {
  return state_->roles;
}
const nlohmann::json& Network::description() const {
  return state_->description;
}
Shape Network::sample_shape() const {
  return state_->sample;
}
Shape Network::output_shape() const {
  return state_->output;
}
bool Network::has_batch_norm() const {
  return state_->has_batch_norm;
}
TensorOptions Network::options() const {
  return state_->options.tensor;
}

Tensor Network::in_file_layout(size_t i, const Tensor& value) const {
  return to_file_layout(value, roles()[i].layout);
}

Tensor Network::to_file(int i) const {
  const auto row = static_cast<size_t>(i);
  const Tensor copy = empty(parameters().rows()[row].shape, options());
  copy.copy_from(parameters().tensors()[row]);
  return in_file_layout(row, copy).to(Device{});
}

void Network::from_file(int i, const Tensor& value) {
  const auto row = static_cast<size_t>(i);
  const Layout layout = roles()[row].layout;
  const Tensor& target = parameters().tensors()[row];
  const Shape expected = file_shape(target.shape(), layout);
  if (value.shape() != expected) {
    throw ShapeError(fmt::format("tensor {}: shape {} found, {} expected by this network",
                                 parameters().rows()[row].name, to_string(value.shape()), to_string(expected)));
  }
  target.copy_from(to_engine_layout(value.to(target.dtype()), layout));
}

nlohmann::json parse_layers(std::string_view text) {
  static constexpr int deepest = 16;  // printing a value recurses
  const auto check = [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > deepest)
      throw Error(fmt::format("JSON nested deeper than {} levels, expected a list of layers", deepest));
    return true;
  };
  nlohmann::json parsed;
  try {
    parsed = nlohmann::json::parse(text.begin(), text.end(), check);
  } catch (const nlohmann::json::exception& error) {
    throw Error("no JSON: " + quote(error.what(), 200));
  }
  if (parsed.is_object() && parsed.contains("layers")) parsed = parsed["layers"];
  if (!parsed.is_array()) throw Error("expected a JSON list of layers, or an object with \"layers\"");
  return parsed;
}

}  // namespace kantor
