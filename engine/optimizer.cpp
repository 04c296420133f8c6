// The fused update: one pass over an arena does update, clip and weight statistics.
// Bytes a parameter in float32: SGD 12, RMSProp 20, Adam 28, statistics included: each piece is read once, and its
// statistics are taken while it is in the first-level cache.
#include "engine/optimizer.h"

#include "engine/cpu/parallel.h"
#include "engine/cpu/reduce.h"
#include "engine/launch.h"
#include "engine/op.h"
#include "kernels/clip_update.h"
#include "kernels/pointwise.h"

#include <array>
#include <bit>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <type_traits>
#include <utility>

namespace kantor {
namespace {

constexpr int64_t block = 1024;  // elements; 4 arrays of it fit a first-level cache
// Row of the statistics tensor (float64): saturated, non-finite, max |w|, sum of squares, range, histogram.
constexpr int64_t scalars = 5;
constexpr int64_t columns = scalars + WeightStatistics::bins;
static_assert(columns == update_columns, "the kernel writes the same row");

struct Piece {
  size_t row;
  int64_t begin, size;  // elements of the arena
};

/// Limits to [-bound, bound]; written so that NaN passes through, which min and max of the hardware would not promise.
template <class T>
T clipped(T w, T bound) {
  w = w > bound ? bound : w;
  return w < -bound ? -bound : w;
}

/// Statistics of one block, added into `row`. Magnitudes compare as integers: they order alike, NaN and infinity come
/// last, and integer sums and maxima become vector code, which those of floats, being ordered, do not.
template <class T>
void count(const T* w, int64_t n, T bound, double* row) {
  using Bits = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  constexpr Bits magnitude = std::numeric_limits<Bits>::max();
  constexpr auto infinite = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());
  const Bits at_bound = std::isfinite(bound) ? std::bit_cast<Bits>(bound) : magnitude;  // magnitude: no weight's
  Bits saturated = 0, non_finite = 0, largest = 0;
  for (int64_t i = 0; i < n; ++i) {
    const Bits a = std::bit_cast<Bits>(w[i]) & magnitude;
    non_finite += a >= infinite ? 1 : 0;
    saturated += a == at_bound ? 1 : 0;
    largest = a > largest ? a : largest;
  }
  if (non_finite > 0) {  // the largest finite one: a second look, before the run stops
    largest = 0;
    for (int64_t i = 0; i < n; ++i) {
      const Bits a = std::bit_cast<Bits>(w[i]) & magnitude;
      if (a < infinite) largest = std::max(largest, a);
    }
  }
  row[0] += static_cast<double>(saturated);
  row[1] += static_cast<double>(non_finite);
  row[2] = std::max(row[2], static_cast<double>(std::bit_cast<T>(largest)));
  row[3] += cpu::sum_run(w, n, [](double v) { return v * v; });
}

/// Histogram of one block over [-range, range], added into `counts`. NaN counts in the last bin.
template <class T>
void count_bins(const T* w, int64_t n, double range, double* counts) {
  constexpr int bins = WeightStatistics::bins;
  const T scale = static_cast<T>(bins / (2 * range)), offset = bins / 2;
  std::array<int32_t, bins> histogram{};
  std::array<int32_t, block> bin_of;
  for (int64_t i = 0; i < n; ++i) {
    T x = w[i] * scale + offset;
    x = x < T(bins - 1) ? x : T(bins - 1);
    x = x > T(0) ? x : T(0);
    bin_of[static_cast<size_t>(i)] = static_cast<int32_t>(x);
  }
  for (int64_t i = 0; i < n; ++i) ++histogram[static_cast<size_t>(bin_of[static_cast<size_t>(i)])];
  for (size_t b = 0; b < bins; ++b) counts[b] += histogram[b];
}

/// The configuration in the arithmetic of one update. Adam's bias corrections are folded into `size` and `root`.
template <class T>
struct Coefficients {
  T rate, epsilon, alpha, alpha_rest, beta1, beta1_rest, beta2, beta2_rest, size, root;

  Coefficients(const OptimizerConfig& config, double step, double learning_rate)
      : rate(static_cast<T>(learning_rate)),
        epsilon(static_cast<T>(config.epsilon)),
        alpha(static_cast<T>(config.alpha)),
        alpha_rest(static_cast<T>(1 - config.alpha)),
        beta1(static_cast<T>(config.beta1)),
        beta1_rest(static_cast<T>(1 - config.beta1)),
        beta2(static_cast<T>(config.beta2)),
        beta2_rest(static_cast<T>(1 - config.beta2)),
        size(static_cast<T>(learning_rate / (1 - std::pow(config.beta1, step)))),
        root(static_cast<T>(1 / std::sqrt(1 - std::pow(config.beta2, step)))) {}
};

/// Inputs: step (int64), learning rate (float64), whether to take histograms (int64), gradients; for kernels also the
/// table of pieces (int64 [n, 3]) and the bounds (float64 [rows]). Outputs, in place: parameters, statistics (those of
/// the last update give the histogram's range), then the state arenas.
class Update final : public OpOf<Update> {
 public:
  Update(OptimizerConfig config, std::vector<ArenaRow> rows, bool only_clip, std::vector<Spec> outputs)
      : config_(config), rows_(std::move(rows)), only_clip_(only_clip), outputs_(std::move(outputs)) {
    for (size_t r = 0; r < rows_.size(); ++r) {
      for (int64_t begin = 0; begin < rows_[r].shape.size(); begin += cpu::piece_elements) {
        pieces_.push_back({r, rows_[r].offset + begin, std::min(cpu::piece_elements, rows_[r].shape.size() - begin)});
      }
    }
  }
  [[nodiscard]] const char* name() const override { return only_clip_ ? "clip" : "clip_update"; }
  [[nodiscard]] std::vector<Spec> infer(std::span<const Spec>) const override { return outputs_; }

  void cpu(Inputs inputs, Outputs outputs) const override {
    visit_floating(outputs[0].dtype, [&](auto zero) { run<decltype(zero)>(inputs, outputs); });
  }

  void device(Device device, Inputs inputs, Outputs outputs) const override {
    const Target target = target_of(device);
    const UpdateSettings settings{
        rule(),          config_.beta1,           config_.beta2,          config_.alpha,
        config_.epsilon, inputs[0].as<int64_t>(), inputs[1].as<double>(), inputs[2].as<int64_t>()};
    const int64_t pieces = inputs[4].shape[0];
    const Temporary partial(device, pieces * columns * static_cast<int64_t>(sizeof(double)));
    visit_floating(outputs[0].dtype, [&](auto zero) {
      using T = decltype(zero);
      T* m = settings.rule == UpdateRule::adam ? outputs[2].as<T>() : nullptr;
      T* v = settings.rule == UpdateRule::adam      ? outputs[3].as<T>()
             : settings.rule == UpdateRule::rmsprop ? outputs[2].as<T>()
                                                    : nullptr;
      KANTOR_ON(target.backend, clip_update(settings, outputs[0].as<T>(), inputs[3].as<T>(), m, v,
                                            static_cast<const UpdatePiece*>(inputs[4].data), pieces,
                                            inputs[5].as<double>(), static_cast<int64_t>(rows_.size()),
                                            outputs[1].as<double>(), partial.as<double>(), target.stream));
    });
  }

 private:
  [[nodiscard]] UpdateRule rule() const {
    if (only_clip_) return UpdateRule::only_clip;
    switch (config_.kind) {
      case OptimizerConfig::Kind::rmsprop:
        return UpdateRule::rmsprop;
      case OptimizerConfig::Kind::adam:
        return UpdateRule::adam;
      default:
        return UpdateRule::sgd;
    }
  }

  template <class T>
  void run(Inputs inputs, Outputs outputs) const {
    const auto step = static_cast<double>(*inputs[0].as<int64_t>());
    const double rate = *inputs[1].as<double>();
    const bool histograms = *inputs[2].as<int64_t>() != 0;
    auto* statistics = outputs[1].as<double>();
    std::vector<double> ranges(rows_.size());
    for (size_t r = 0; r < rows_.size(); ++r) {
      const double seen = statistics[static_cast<int64_t>(r) * columns + 2];
      ranges[r] = std::isfinite(rows_[r].bound) ? rows_[r].bound : seen;
    }
    const Coefficients<T> c(config_, step, rate);
    std::vector<double> partial(pieces_.size() * columns);
    cpu::for_pieces(static_cast<int64_t>(pieces_.size()), static_cast<double>(outputs[0].size()) * 4, [&](int64_t p) {
      const Piece& part = pieces_[static_cast<size_t>(p)];
      const T bound = static_cast<T>(rows_[part.row].bound);
      double* row = partial.data() + p * columns;
      row[4] = ranges[part.row];
      for (int64_t begin = part.begin; begin < part.begin + part.size; begin += block) {
        const int64_t n = std::min(block, part.begin + part.size - begin);
        T* w = outputs[0].as<T>() + begin;
        update(w, only_clip_ ? nullptr : inputs[3].as<T>() + begin, outputs, begin, n, c, bound);
        count(w, n, bound, row);
        if (histograms && row[4] > 0) count_bins(w, n, row[4], row + scalars);
      }
    });
    std::fill(statistics, statistics + outputs[1].size(), 0.0);
    for (size_t p = 0; p < pieces_.size(); ++p) {  // in piece order, whoever ran them
      double* row = statistics + static_cast<int64_t>(pieces_[p].row) * columns;
      const double* part = partial.data() + p * columns;
      for (int64_t i = 0; i < columns; ++i)
        row[i] = i == 2 ? std::max(row[i], part[i]) : i == 4 ? part[i] : row[i] + part[i];
    }
  }

  /// One block: Kingma and Ba 2015 (Adam), Hinton's lecture 6e (RMSProp), in PyTorch's order of operations; only the
  /// clip where g is null.
  template <class T>
  void update(T* w, const T* g, Outputs outputs, int64_t begin, int64_t n, const Coefficients<T>& c, T bound) const {
    const auto state = [&](size_t i) { return outputs[i].as<T>() + begin; };
    const auto each = [w, bound, n](const auto& updated) {
      for (int64_t i = 0; i < n; ++i) w[i] = clipped(updated(i), bound);
    };
    if (g == nullptr) return each([w](int64_t i) { return w[i]; });
    switch (config_.kind) {
      case OptimizerConfig::Kind::sgd:
        return each([w, g, c](int64_t i) { return w[i] - c.rate * g[i]; });
      case OptimizerConfig::Kind::rmsprop:
        return each([w, g, c, v = state(2)](int64_t i) {
          v[i] = c.alpha * v[i] + c.alpha_rest * g[i] * g[i];
          return w[i] - c.rate * g[i] / (std::sqrt(v[i]) + c.epsilon);
        });
      case OptimizerConfig::Kind::adam:
        return each([w, g, c, m = state(2), v = state(3)](int64_t i) {
          m[i] = c.beta1 * m[i] + c.beta1_rest * g[i];
          v[i] = c.beta2 * v[i] + c.beta2_rest * g[i] * g[i];
          return w[i] - c.size * m[i] / (std::sqrt(v[i]) * c.root + c.epsilon);
        });
    }
  }

  OptimizerConfig config_;
  std::vector<ArenaRow> rows_;
  bool only_clip_;
  std::vector<Spec> outputs_;
  std::vector<Piece> pieces_;
};

/// Adds one to a counter in place.
class Increment final : public OpOf<Increment> {
 public:
  [[nodiscard]] const char* name() const override { return "increment"; }
  [[nodiscard]] std::vector<Spec> infer(std::span<const Spec>) const override { return {{Shape{}, DType::int64}}; }
  void cpu(Inputs, Outputs outputs) const override { ++*outputs[0].as<int64_t>(); }
  void device(Device device, Inputs, Outputs outputs) const override {
    const Target target = target_of(device);
    KANTOR_ON(target.backend, increment(outputs[0].as<int64_t>(), target.stream));
  }
};

}  // namespace

void increment(const Tensor& counter) {
  apply_in_place(std::make_shared<const Increment>(), {}, {counter});
}

OptimizerConfig::Kind parse_optimizer(const std::string& name) {
  if (name == "sgd") return OptimizerConfig::Kind::sgd;
  if (name == "rmsprop") return OptimizerConfig::Kind::rmsprop;
  if (name == "adam") return OptimizerConfig::Kind::adam;
  throw Error(fmt::format("unknown optimizer '{}'; known are sgd, rmsprop, adam", name));
}

std::string to_string(OptimizerConfig::Kind kind) {
  switch (kind) {
    case OptimizerConfig::Kind::sgd:
      return "sgd";
    case OptimizerConfig::Kind::rmsprop:
      return "rmsprop";
    case OptimizerConfig::Kind::adam:
      return "adam";
  }
  return "unknown";
}

Optimizer::Optimizer(OptimizerConfig config, const Arena& parameters) : config_(config), parameters_(parameters) {
  const Device device = parameters.flat().device();
  if (config.kind == OptimizerConfig::Kind::rmsprop) state_.emplace_back("rmsprop.v", parameters.like());
  if (config.kind == OptimizerConfig::Kind::adam) {
    state_.emplace_back("adam.m", parameters.like());
    state_.emplace_back("adam.v", parameters.like());
  }
  step_ = zeros({}, {DType::int64, device});
  histograms_ = zeros({}, {DType::int64, device});
  learning_rate_ = full({}, config.learning_rate, {DType::float64, device});
  statistics_ = zeros({static_cast<int64_t>(parameters.rows().size()), columns}, {DType::float64, device});
  std::vector<int64_t> pieces;
  std::vector<double> bounds;
  for (const ArenaRow& row : parameters.rows()) {
    for (int64_t begin = 0; begin < row.shape.size(); begin += update_piece) {
      pieces.insert(pieces.end(), {static_cast<int64_t>(bounds.size()), row.offset + begin,
                                   std::min(update_piece, row.shape.size() - begin)});
    }
    bounds.push_back(row.bound);
  }
  pieces_ = from_host(pieces, {static_cast<int64_t>(pieces.size() / 3), 3}, {DType::int64, device});
  bounds_ = from_host(bounds, {static_cast<int64_t>(bounds.size())}, {DType::float64, device});
}

void Optimizer::launch(const Tensor& gradients, const std::vector<ArenaRow>& rows, bool only_clip) {
  std::vector<Tensor> targets{parameters_.flat(), statistics_};
  for (const auto& [name, arena] : state_) targets.push_back(arena.flat());
  std::vector<Spec> specs;
  for (const Tensor& target : targets) specs.push_back({target.shape(), target.dtype()});
  apply_in_place(std::make_shared<const Update>(config_, rows, only_clip, std::move(specs)),
                 {step_, learning_rate_, histograms_, gradients, pieces_, bounds_}, targets);
}

void Optimizer::update(const Arena& gradients) {
  if (gradients.flat().shape() != parameters_.flat().shape() ||
      gradients.flat().dtype() != parameters_.flat().dtype()) {
    throw ShapeError(fmt::format("optimizer update: gradients {} for parameters {}; make them with Arena::like()",
                                 describe(gradients.flat()), describe(parameters_.flat())));
  }
  increment(step_);
  launch(gradients.flat(), parameters_.rows(), false);
}

void Optimizer::clip() {
  // Twice: the histogram spans what the pass before it found.
  for (int pass = 0; pass < 2; ++pass) launch(parameters_.flat(), parameters_.rows(), true);
}

void Optimizer::take_histograms(bool on) {
  const auto flag = static_cast<int64_t>(on);
  histograms_.assign(std::span<const int64_t>(&flag, 1));
}

void Optimizer::set_learning_rate(double rate) {
  learning_rate_.assign(std::span<const double>(&rate, 1));
}

std::vector<WeightStatistics> Optimizer::statistics() const {
  const std::vector<double> values = statistics_.to_vector<double>();
  std::vector<WeightStatistics> result;
  for (size_t r = 0; r < parameters_.rows().size(); ++r) {
    const double* row = values.data() + r * columns;
    WeightStatistics s;
    s.count = parameters_.rows()[r].shape.size();
    s.saturated = static_cast<int64_t>(row[0]);
    s.non_finite = static_cast<int64_t>(row[1]);
    s.max_abs = row[2];
    s.sum_squares = row[3];
    s.range = row[4];
    for (size_t b = 0; b < WeightStatistics::bins; ++b) s.histogram[b] = static_cast<int64_t>(row[scalars + b]);
    result.push_back(s);
  }
  return result;
}

}  // namespace kantor
