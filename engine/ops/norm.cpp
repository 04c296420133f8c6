// Normalization: fused forwards, and fused derivatives of batch norm and layer norm; the other derivatives are those of
// the same functions in ordinary ops, which holds at every order.
#include "engine/cpu/reduce.h"
#include "engine/ops.h"
#include "engine/ops/pointwise_op.h"
#include "kernels/batch_norm.h"
#include "kernels/layer_norm.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

namespace kantor {
namespace {

std::vector<int> axes_between(int first, int last) {
  std::vector<int> axes(static_cast<size_t>(std::max(0, last - first)));
  std::iota(axes.begin(), axes.end(), first);
  return axes;
}

void require_channels(std::span<const TensorSpec> inputs) {
  require_floating(inputs);
  if (inputs[0].shape.rank() < 2) throw ShapeError("expected x [..., C] of rank 2 or more");
  for (size_t i = 1; i < inputs.size(); ++i) {
    if (inputs[i].shape != Shape{inputs[0].shape[-1]}) {
      throw ShapeError(fmt::format("expected one element per channel, [{}], found {}", inputs[0].shape[-1],
                                   to_string(inputs[i].shape)));
    }
  }
}

/// Calls fn(element, channel) for all elements of [rows, channels], in pieces of rows.
template <class F>
void for_elements(int64_t rows, int64_t channels, const F& fn) {
  const int64_t group = std::max<int64_t>(1, cpu::piece_elements / std::max<int64_t>(1, channels));
  cpu::for_pieces((rows + group - 1) / group, static_cast<double>(rows * channels), [&](int64_t p) {
    for (int64_t r = p * group; r < std::min(rows, (p + 1) * group); ++r) {
      for (int64_t c = 0; c < channels; ++c) fn(r * channels + c, c);
    }
  });
}

/// The scale_shift form of (x - mean) / sqrt(variance + epsilon) * gamma + beta.
template <class T>
void normalize_channels(const View& x, const T* gamma, const T* beta, const T* mean, const T* variance, double epsilon,
                        const View& y) {
  const int64_t channels = x.shape[-1];
  std::vector<T> coefficients(static_cast<size_t>(2 * channels));
  T *scale = coefficients.data(), *shift = scale + channels;
  for (int64_t c = 0; c < channels; ++c) {
    const double s = static_cast<double>(gamma[c]) / std::sqrt(static_cast<double>(variance[c]) + epsilon);
    scale[c] = static_cast<T>(s);
    shift[c] = static_cast<T>(static_cast<double>(beta[c]) - static_cast<double>(mean[c]) * s);
  }
  const T* from = x.as<T>();
  T* to = y.as<T>();
  for_elements(channels == 0 ? 0 : x.size() / channels, channels,
               [=](int64_t i, int64_t c) { to[i] = from[i] * scale[c] + shift[c]; });
}

/// The derivative of batch norm's y: x, gamma, dy, and the mean and variance that batch norm gave -> dx, dgamma, dbeta.
class BatchNormGrad final : public FloatingOp<BatchNormGrad> {
 public:
  explicit BatchNormGrad(double epsilon) : epsilon_(epsilon) {}
  [[nodiscard]] const char* name() const override { return "batch_norm_grad"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs);
    return {inputs[0], inputs[1], inputs[1]};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    const T *x = inputs[0].as<T>(), *gamma = inputs[1].as<T>(), *dy = inputs[2].as<T>(), *mean = inputs[3].as<T>(),
            *variance = inputs[4].as<T>();
    T *dx = outputs[0].as<T>(), *dgamma = outputs[1].as<T>(), *dbeta = outputs[2].as<T>();
    const int64_t channels = inputs[0].shape[-1], rows = inputs[0].size() / channels;
    const auto of_band = [=](int64_t top, int64_t bottom, double* products, double* gradients) {
      for (int64_t r = top; r < bottom; ++r) {
        const T *of_x = x + r * channels, *of_dy = dy + r * channels;
        for (int64_t c = 0; c < channels; ++c) {
          products[c] += static_cast<double>(of_dy[c] * (of_x[c] - mean[c]));
          gradients[c] += static_cast<double>(of_dy[c]);
        }
      }
    };
    const cpu::ColumnPairs sums(rows, channels, 2, of_band);
    std::vector<T> coefficients(static_cast<size_t>(3 * channels));
    T *shift = coefficients.data(), *slope = shift + channels, *scale = slope + channels;
    for (int64_t c = 0; c < channels; ++c) {
      const double inverse = 1 / std::sqrt(static_cast<double>(variance[c]) + epsilon_);
      const double products = sums.first()[c], n = static_cast<double>(rows);
      shift[c] = static_cast<T>(sums.second()[c] / n);
      slope[c] = static_cast<T>(inverse * inverse * products / n);
      scale[c] = static_cast<T>(static_cast<double>(gamma[c]) * inverse);
      dgamma[c] = static_cast<T>(inverse * products);
      dbeta[c] = static_cast<T>(sums.second()[c]);
    }
    for_elements(rows, channels,
                 [=](int64_t i, int64_t c) { dx[i] = (dy[i] - shift[c] - (x[i] - mean[c]) * slope[c]) * scale[c]; });
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    const int64_t channels = inputs[0].shape[-1], rows = inputs[0].size() / channels;
    const Temporary workspace(target, batch_norm_workspace(rows, channels) * static_cast<int64_t>(sizeof(double)));
    KANTOR_ON(target.backend,
              batch_norm_grad(inputs[0].as<T>(), inputs[1].as<T>(), inputs[2].as<T>(), inputs[3].as<T>(),
                              inputs[4].as<T>(), epsilon_, outputs[0].as<T>(), outputs[1].as<T>(), outputs[2].as<T>(),
                              rows, channels, workspace.as<double>(), target.stream));
  }
  /// Mean and variance are functions of x, and are taken as such here: their own inputs get no gradient.
  [[nodiscard]] std::vector<Tensor> reference(std::span<const Tensor> in) const override {
    const std::vector<int> axes = axes_between(0, in[0].rank() - 1);
    const Tensor centred = in[0] - mean(in[0], axes);
    const Tensor deviation = sqrt(mean(square(centred), axes) + epsilon_);
    const Tensor normal = centred / deviation, dy = in[2], products = dy * normal;
    return {(dy - mean(dy, axes) - normal * mean(products, axes)) * (in[1] / deviation), sum(products, axes),
            sum(dy, axes)};
  }

 private:
  double epsilon_;
};

class BatchNorm final : public FloatingOp<BatchNorm> {
 public:
  explicit BatchNorm(double epsilon) : epsilon_(epsilon) {}
  [[nodiscard]] const char* name() const override { return "batch_norm"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_channels(inputs);
    if (inputs[0].shape.size() == 0) throw ShapeError("an empty batch has no statistics");
    return {inputs[0], inputs[1], inputs[1]};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    const int64_t channels = inputs[0].shape[-1], rows = inputs[0].size() / channels;
    T *mean = outputs[1].as<T>(), *variance = outputs[2].as<T>();
    const T* x = inputs[0].as<T>();
    // Of differences from the first row: the square of a channel's distance from its mean is at most rows - 1 times the
    // variance, so the difference of the two sums keeps all but log2(rows) of double's bits, whatever the values are.
    const auto of_band = [=](int64_t top, int64_t bottom, double* values, double* squares) {
      for (int64_t r = top; r < bottom; ++r) {
        const T* row = x + r * channels;
        for (int64_t c = 0; c < channels; ++c) {
          const double d = static_cast<double>(row[c]) - static_cast<double>(x[c]);
          values[c] += d;
          squares[c] += d * d;
        }
      }
    };
    const cpu::ColumnPairs sums(rows, channels, 2, of_band);
    for (int64_t c = 0; c < channels; ++c) {
      const auto n = static_cast<double>(rows);
      const double distance = sums.first()[c] / n;
      mean[c] = static_cast<T>(static_cast<double>(x[c]) + distance);
      variance[c] = static_cast<T>(std::max(0.0, sums.second()[c] / n - distance * distance));
    }
    normalize_channels(inputs[0], inputs[1].as<T>(), inputs[2].as<T>(), mean, variance, epsilon_, outputs[0]);
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    const int64_t channels = inputs[0].shape[-1], rows = inputs[0].size() / channels;
    const Temporary workspace(target, batch_norm_workspace(rows, channels) * static_cast<int64_t>(sizeof(double)));
    KANTOR_ON(target.backend, batch_norm(inputs[0].as<T>(), inputs[1].as<T>(), inputs[2].as<T>(), epsilon_,
                                         outputs[0].as<T>(), outputs[1].as<T>(), outputs[2].as<T>(), rows, channels,
                                         workspace.as<double>(), target.stream));
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    std::vector<Tensor> g(3);
    if (c.grads[0].defined()) {
      g = apply(std::make_shared<const BatchNormGrad>(epsilon_),
                {c.inputs[0], c.inputs[1], c.grads[0], c.outputs[1], c.outputs[2]});
    }
    if (c.grads[1].defined() || c.grads[2].defined()) {  // whoever asks for derivatives of the statistics
      const std::vector<Tensor> statistics{Tensor(), c.grads[1], c.grads[2]};
      const Tensor more = Op::vjp({c.inputs, c.outputs, statistics, c.wanted})[0];
      if (more.defined()) g[0] = g[0].defined() ? g[0] + more : more;
    }
    return g;
  }
  [[nodiscard]] std::vector<Tensor> reference(std::span<const Tensor> in) const override {
    const std::vector<int> axes = axes_between(0, in[0].rank() - 1);
    const Tensor average = mean(in[0], axes);
    const Tensor centred = in[0] - average;
    const Tensor variance = mean(square(centred), axes);
    return {centred * (in[1] / sqrt(variance + epsilon_)) + in[2], average, variance};
  }

 private:
  double epsilon_;
};

class BatchNormFixed final : public FloatingOp<BatchNormFixed> {
 public:
  explicit BatchNormFixed(double epsilon) : epsilon_(epsilon) {}
  [[nodiscard]] const char* name() const override { return "batch_norm_fixed"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_channels(inputs);
    return {inputs[0]};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    normalize_channels(inputs[0], inputs[1].as<T>(), inputs[2].as<T>(), inputs[3].as<T>(), inputs[4].as<T>(), epsilon_,
                       outputs[0]);
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    const int64_t channels = inputs[0].shape[-1];
    KANTOR_ON(target.backend,
              batch_norm_fixed(inputs[0].as<T>(), inputs[1].as<T>(), inputs[2].as<T>(), inputs[3].as<T>(),
                               inputs[4].as<T>(), epsilon_, outputs[0].as<T>(),
                               channels == 0 ? 0 : inputs[0].size() / channels, channels, target.stream));
  }
  [[nodiscard]] std::vector<Tensor> reference(std::span<const Tensor> in) const override {
    return {(in[0] - in[3]) * (in[1] / sqrt(in[4] + epsilon_)) + in[2]};
  }

 private:
  double epsilon_;
};

/// Rows that one piece of work takes.
int64_t rows_of_piece(int64_t columns) {
  return std::max<int64_t>(1, cpu::piece_elements / columns);
}

/// What layer norm takes from a row, and multiplies it by.
template <class T>
struct RowStatistics {
  T centre, scale;
};
template <class T>
RowStatistics<T> row_statistics(const T* x, int64_t columns, double epsilon) {
  const auto n = static_cast<double>(columns);
  const double average = cpu::sum_run(x, columns, [](double v) { return v; }) / n;
  const double variance = cpu::sum_run(x, columns, [=](double v) { return (v - average) * (v - average); }) / n;
  return {static_cast<T>(average), static_cast<T>(1 / std::sqrt(variance + epsilon))};
}

/// The derivative of layer norm's y: x, gamma, dy -> dx, dgamma, dbeta.
class LayerNormGrad final : public FloatingOp<LayerNormGrad> {
 public:
  explicit LayerNormGrad(double epsilon) : epsilon_(epsilon) {}
  [[nodiscard]] const char* name() const override { return "layer_norm_grad"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs);
    return {inputs[0], inputs[1], inputs[1]};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    const int64_t rows = inputs[0].shape[0], columns = inputs[1].size();
    const T *x = inputs[0].as<T>(), *gamma = inputs[1].as<T>(), *dy = inputs[2].as<T>();
    T* dx = outputs[0].as<T>();
    std::vector<RowGrad<T>> row_grads(static_cast<size_t>(rows));
    RowGrad<T>* const of_row = row_grads.data();
    // Bands of rows, and in each of them chunks of columns, whose sums stay in the first-level cache over the rows.
    const auto of_band = [=, this](int64_t top, int64_t bottom, double* products, double* gradients) {
      constexpr int64_t chunk = 1024;
      for (int64_t r = top; r < bottom; ++r) of_row[r] = row_grad(x + r * columns, gamma, dy + r * columns, columns);
      for (int64_t left = 0; left < columns; left += chunk) {
        const int64_t right = std::min(columns, left + chunk);
        for (int64_t r = top; r < bottom; ++r) {
          const auto [centre, scale, shift, slope] = of_row[r];
          const T *of_x = x + r * columns, *of_dy = dy + r * columns;
          T* of_dx = dx + r * columns;
          for (int64_t i = left; i < right; ++i) {
            const T normal = (of_x[i] - centre) * scale;
            products[i] += static_cast<double>(normal * of_dy[i]);
            gradients[i] += static_cast<double>(of_dy[i]);
            of_dx[i] = (of_dy[i] * gamma[i] - shift - normal * slope) * scale;
          }
        }
      }
    };
    const cpu::ColumnPairs sums(rows, columns, 6, of_band);
    const auto narrow = [](double sum) { return static_cast<T>(sum); };
    std::transform(sums.first(), sums.first() + columns, outputs[1].as<T>(), narrow);
    std::transform(sums.second(), sums.second() + columns, outputs[2].as<T>(), narrow);
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    const int64_t rows = inputs[0].shape[0], columns = inputs[1].size();
    const Temporary workspace(target, layer_norm_workspace(rows, columns) * static_cast<int64_t>(sizeof(double)));
    KANTOR_ON(target.backend, layer_norm_grad(inputs[0].as<T>(), inputs[1].as<T>(), inputs[2].as<T>(), epsilon_,
                                              outputs[0].as<T>(), outputs[1].as<T>(), outputs[2].as<T>(), rows, columns,
                                              workspace.as<double>(), target.stream));
  }
  [[nodiscard]] std::vector<Tensor> reference(std::span<const Tensor> in) const override {
    const std::vector<int> axes = axes_between(1, in[0].rank());
    const Tensor centred = in[0] - mean(in[0], axes, true);
    const Tensor deviation = sqrt(mean(square(centred), axes, true) + epsilon_);
    const Tensor normal = centred / deviation, g = in[2] * in[1];
    return {(g - mean(g, axes, true) - normal * mean(g * normal, axes, true)) / deviation, sum(in[2] * normal, {0}),
            sum(in[2], {0})};
  }

 private:
  /// What a row's gradient is made of: its statistics, and the means of gamma dy and of its product with the normal x.
  template <class T>
  struct RowGrad {
    T centre, scale, shift, slope;
  };

  template <class T>
  RowGrad<T> row_grad(const T* x, const T* gamma, const T* dy, int64_t columns) const {
    const auto [centre, scale] = row_statistics(x, columns, epsilon_);
    const auto n = static_cast<double>(columns);
    const double sum = cpu::sum_of(columns, [=](int64_t i) { return static_cast<double>(dy[i] * gamma[i]); });
    const double products = cpu::sum_of(columns, [=, c = centre, s = scale](int64_t i) {
      return static_cast<double>(dy[i] * gamma[i] * ((x[i] - c) * s));
    });
    return {centre, scale, static_cast<T>(sum / n), static_cast<T>(products / n)};
  }

  double epsilon_;
};

class LayerNorm final : public FloatingOp<LayerNorm> {
 public:
  explicit LayerNorm(double epsilon) : epsilon_(epsilon) {}
  [[nodiscard]] const char* name() const override { return "layer_norm"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs);
    const Shape& x = inputs[0].shape;
    if (x.rank() < 2) throw ShapeError("expected x [B, ...] of rank 2 or more");
    const Shape sample(std::span<const int64_t>(x.begin() + 1, x.end()));
    if (inputs[1].shape != sample || inputs[2].shape != sample) {
      throw ShapeError(fmt::format("gamma and beta must have one sample's shape, {}", to_string(sample)));
    }
    if (sample.size() == 0) throw ShapeError("a sample without elements has no statistics");
    return {inputs[0]};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    run<T>(inputs, outputs[0]);
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    KANTOR_ON(target.backend,
              layer_norm(inputs[0].as<T>(), inputs[1].as<T>(), inputs[2].as<T>(), epsilon_, outputs[0].as<T>(),
                         outputs[0].shape[0], outputs[0].shape.size_from(1), target.stream));
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    return apply(std::make_shared<const LayerNormGrad>(epsilon_), {c.inputs[0], c.inputs[1], c.grads[0]});
  }
  [[nodiscard]] std::vector<Tensor> reference(std::span<const Tensor> in) const override {
    const std::vector<int> axes = axes_between(1, in[0].rank());
    const Tensor centred = in[0] - mean(in[0], axes, true);
    const Tensor variance = mean(square(centred), axes, true);
    return {centred / sqrt(variance + epsilon_) * in[1] + in[2]};
  }

 private:
  template <class T>
  void run(Inputs inputs, const View& out) const {
    const int64_t rows = out.shape[0], columns = out.shape.size_from(1);
    const T *gamma = inputs[1].as<T>(), *beta = inputs[2].as<T>();
    const int64_t group = rows_of_piece(columns);
    cpu::for_pieces((rows + group - 1) / group, static_cast<double>(out.size()) * 3, [&](int64_t p) {
      for (int64_t r = p * group; r < std::min(rows, (p + 1) * group); ++r) {
        const T* x = inputs[0].as<T>() + r * columns;
        T* y = out.as<T>() + r * columns;
        const auto [centre, scale] = row_statistics(x, columns, epsilon_);
        for (int64_t i = 0; i < columns; ++i) y[i] = (x[i] - centre) * scale * gamma[i] + beta[i];
      }
    });
  }

  double epsilon_;
};

}  // namespace

BatchNormResult batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, double epsilon) {
  const auto outputs = apply(std::make_shared<const BatchNorm>(epsilon), {x, gamma, beta});
  return {outputs[0], outputs[1], outputs[2]};
}

Tensor batch_norm_fixed(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                        const Tensor& variance, double epsilon) {
  return apply1(std::make_shared<const BatchNormFixed>(epsilon), {x, gamma, beta, mean, variance});
}

Tensor layer_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, double epsilon) {
  return apply1(std::make_shared<const LayerNorm>(epsilon), {x, gamma, beta});
}

}  // namespace kantor
