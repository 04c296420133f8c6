// Network: a list of layers with their parameters in one arena. The list is the notation of the golden cases
// (tests/golden/README.md), so that a study can sweep architectures and a checkpoint can say what it holds.
#pragma once

#include "engine/arena.h"
#include "engine/ops.h"
#include "models/nn/layout.h"

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace kantor {

/// How weights and biases are drawn at the start.
enum class Initialization : uint8_t {
  he_uniform,      // U(-sqrt(6/fan_in), sqrt(6/fan_in)) weights, zero biases (the released WGAN-GP toy code)
  pytorch,         // U(-1/sqrt(fan_in), ...) weights and biases
  xavier_uniform,  // Glorot and Bengio 2010, zero biases
  dcgan,           // N(0, 0.02) weights, N(1, 0.02) norm scales, zero biases
  uniform          // U(-c, c) weights, zero biases
};
/// By its name above. Throws Error naming the known ones.
Initialization parse_initialization(const std::string& name);

/// Element type, device and start of a network's parameters.
struct NetworkOptions {
  TensorOptions tensor = {};
  Initialization initialization = Initialization::pytorch;
  double uniform_bound = 0.01;  // c of Initialization::uniform
  uint64_t seed = 0;
  uint32_t stream = 0;  // of the random numbers
};

/// Batch norm uses the batch's statistics, or the running ones. A spectral parametrization does a power iteration and
/// keeps its vector, or uses the kept one.
enum class Mode : uint8_t { train, evaluate };

/// A list of layers, and their parameters in one arena.
class Network {
 public:
  /// `layers` is a JSON list as in the golden cases; `sample` the shape of one sample in PyTorch's order ([C, H, W] for
  /// images). Throws ShapeError naming layer and shapes where they do not fit, Error for unknown types or keys.
  Network(const nlohmann::json& layers, const Shape& sample, const NetworkOptions& options);
  ~Network();
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;

  /// x: [B, features], or images [B, H, W, C] (NHWC). Images come out NHWC as well.
  Tensor operator()(const Tensor& x, Mode mode = Mode::train) const;
  /// The same, and every layer's output in order (a fused activation counts as its own layer and shares the output).
  Tensor trace(const Tensor& x, std::vector<Tensor>& outputs, Mode mode = Mode::train) const;

  /// Rows "<layer>.<name>", named as in PyTorch: "0.weight", "1.bias" (of a normalization too), "0.weight_ih".
  [[nodiscard]] const Arena& parameters() const;
  [[nodiscard]] Arena& parameters();
  /// Makes the weights of orthonormal layers orthonormal again after an update: replaces them by the nearest
  /// ones, with that many of Bjoerck's iterations (parametrization.h). Does nothing without such layers. Recordable.
  void retract(int iterations = 10) const;
  /// Running statistics of batch norm: "<layer>.running_mean", "<layer>.running_var"; left singular vectors of
  /// weights under spectral parametrization: "<layer>.weight_u", "<layer>.weight_hh_u". Empty without either.
  [[nodiscard]] const Arena& buffers() const;
  /// File layout of each parameter row, and the role that clipping and initialization ask for.
  struct Role {
    Layout layout = Layout::plain;
    bool bias = false;  // of a linear or convolution layer
    bool norm = false;  // weight or bias of a normalization
    int64_t fan_in = 0, fan_out = 0;
  };
  [[nodiscard]] const std::vector<Role>& roles() const;
  [[nodiscard]] const nlohmann::json& description() const;
  [[nodiscard]] Shape sample_shape() const;  // as given
  [[nodiscard]] Shape output_shape() const;  // of one sample, PyTorch's order
  [[nodiscard]] bool has_batch_norm() const;
  [[nodiscard]] TensorOptions options() const;

  /// Parameter row `i`, copied to the host in file layout; and back. Throws ShapeError naming the tensor.
  [[nodiscard]] Tensor to_file(int i) const;
  /// A tensor of row i's shape (a gradient) in file layout.
  [[nodiscard]] Tensor in_file_layout(size_t i, const Tensor& value) const;
  void from_file(int i, const Tensor& value);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A network's layer list from JSON: the top level, or its "layers" as in a golden case. Throws Error for other JSON.
nlohmann::json parse_layers(std::string_view text);

}  // namespace kantor
