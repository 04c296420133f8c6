// The fused update: one pass over an arena does update, clip and weight statistics.
// Bytes a parameter in float32: SGD 12, RMSProp 20, Adam 28, statistics included: each piece is read once, and its
// statistics are taken while it is in the first-level cache.
#include "engine/optimizer.h"

#include "engine/cpu/parallel.h"
#include "engine/op.h"

#include <Eigen/Core>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <utility>

namespace kantor {
namespace {

constexpr int64_t piece = 4096;  // elements; 4 arrays of it fit a first-level cache
// Row of the statistics tensor (float64): saturated, non-finite, max |w|, sum of squares, range, histogram.
constexpr int64_t scalars = 5;
constexpr int64_t columns = scalars + WeightStatistics::bins;

struct Piece {
  size_t row;
  int64_t begin, size;  // elements of the arena
};

template <class T>
using Vector = Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>>;

/// Limits to [-bound, bound]; written so that NaN passes through, which min and max of the hardware would not promise.
template <class T>
void clip(Vector<T> w, T bound) {
  T* data = w.data();
  for (Eigen::Index i = 0; i < w.size(); ++i) {
    T x = data[i];
    x = x > bound ? bound : x;
    data[i] = x < -bound ? -bound : x;
  }
}

/// Statistics of one piece, added into `row`.
template <class T>
void count(const Vector<T>& w, T bound, double range, double* row) {
  const T* data = w.data();
  const bool bounded = std::isfinite(bound);
  int64_t saturated = 0, finite = 0;
  T largest = 0;
  double squares = 0;
  for (Eigen::Index i = 0; i < w.size(); ++i) {
    const T a = std::abs(data[i]);
    const bool good = a <= std::numeric_limits<T>::max();
    finite += good;
    saturated += bounded && a == bound;
    largest = good && a > largest ? a : largest;
  }
  for (Eigen::Index i = 0; i < w.size(); ++i) squares += static_cast<double>(data[i]) * static_cast<double>(data[i]);
  row[0] += static_cast<double>(saturated);
  row[1] += static_cast<double>(w.size() - finite);
  row[2] = std::max(row[2], static_cast<double>(largest));
  row[3] += squares;
  row[4] = range;
  if (range <= 0) return;
  constexpr int bins = WeightStatistics::bins;
  const T scale = static_cast<T>(bins / (2 * range)), offset = bins / 2;
  std::array<int32_t, bins> histogram{};
  std::array<int32_t, piece> bin_of;
  for (Eigen::Index i = 0; i < w.size(); ++i) {
    T x = data[i] * scale + offset;
    x = x < T(bins - 1) ? x : T(bins - 1);  // NaN counts in the last bin; row[1] says how many
    x = x > T(0) ? x : T(0);
    bin_of[static_cast<size_t>(i)] = static_cast<int32_t>(x);
  }
  for (Eigen::Index i = 0; i < w.size(); ++i) ++histogram[static_cast<size_t>(bin_of[static_cast<size_t>(i)])];
  for (size_t b = 0; b < bins; ++b) row[scalars + static_cast<int64_t>(b)] += histogram[b];
}

/// Inputs: step (int64), learning rate (float64), gradients, and the statistics of the last update, for the histogram's
/// range. Outputs, in place: parameters, statistics, then the state arenas.
class Update final : public Op {
 public:
  Update(OptimizerConfig config, std::vector<ArenaRow> rows, bool only_clip, std::vector<Spec> outputs)
      : config_(config), rows_(std::move(rows)), only_clip_(only_clip), outputs_(std::move(outputs)) {
    for (size_t r = 0; r < rows_.size(); ++r) {
      for (int64_t begin = 0; begin < rows_[r].shape.size(); begin += piece) {
        pieces_.push_back({r, rows_[r].offset + begin, std::min(piece, rows_[r].shape.size() - begin)});
      }
    }
  }
  [[nodiscard]] const char* name() const override { return only_clip_ ? "clip" : "clip_update"; }
  [[nodiscard]] std::vector<Spec> infer(std::span<const Spec>) const override { return outputs_; }

  void cpu(Inputs inputs, Outputs outputs) const override {
    cpu::visit_floating(outputs[0].dtype, [&](auto zero) { run<decltype(zero)>(inputs, outputs); });
  }

 private:
  template <class T>
  void run(Inputs inputs, Outputs outputs) const {
    const auto step = static_cast<double>(*inputs[0].as<int64_t>());
    const double rate = *inputs[1].as<double>();
    auto* statistics = outputs[1].as<double>();
    std::vector<double> ranges(rows_.size());
    for (size_t r = 0; r < rows_.size(); ++r) {
      const double seen = statistics[static_cast<int64_t>(r) * columns + 2];
      ranges[r] = std::isfinite(rows_[r].bound) ? rows_[r].bound : seen;
    }
    std::vector<double> partial(pieces_.size() * columns);
    cpu::for_pieces(static_cast<int64_t>(pieces_.size()), static_cast<double>(outputs[0].size()) * 4, [&](int64_t p) {
      const Piece& part = pieces_[static_cast<size_t>(p)];
      const auto map = [&](const View& view) { return Vector<T>(view.as<T>() + part.begin, part.size); };
      Vector<T> w = map(outputs[0]);
      if (!only_clip_) update<T>(w, map(inputs[2]), outputs, map, step, rate);
      const T bound = static_cast<T>(rows_[part.row].bound);
      if (std::isfinite(bound)) clip<T>(w, bound);
      count<T>(w, bound, ranges[part.row], partial.data() + p * columns);
    });
    std::fill(statistics, statistics + outputs[1].size(), 0.0);
    for (size_t p = 0; p < pieces_.size(); ++p) {  // in piece order, whoever ran them
      double* row = statistics + static_cast<int64_t>(pieces_[p].row) * columns;
      const double* part = partial.data() + p * columns;
      for (int64_t i = 0; i < columns; ++i)
        row[i] = i == 2 ? std::max(row[i], part[i]) : i == 4 ? part[i] : row[i] + part[i];
    }
  }

  /// One piece: Kingma and Ba 2015 (Adam), Hinton's lecture 6e (RMSProp), in PyTorch's order of operations.
  template <class T, class Map>
  void update(Vector<T>& w, const Vector<T>& g, Outputs outputs, const Map& map, double step, double rate) const {
    const T epsilon = static_cast<T>(config_.epsilon);
    switch (config_.kind) {
      case OptimizerConfig::Kind::sgd:
        w -= static_cast<T>(rate) * g;
        break;
      case OptimizerConfig::Kind::rmsprop: {
        Vector<T> v = map(outputs[2]);
        const T alpha = static_cast<T>(config_.alpha), rest = static_cast<T>(1 - config_.alpha);
        v = alpha * v + rest * g * g;
        w -= static_cast<T>(rate) * g / (v.sqrt() + epsilon);
        break;
      }
      case OptimizerConfig::Kind::adam: {
        Vector<T> m = map(outputs[2]), v = map(outputs[3]);
        const T b1 = static_cast<T>(config_.beta1), r1 = static_cast<T>(1 - config_.beta1);
        const T b2 = static_cast<T>(config_.beta2), r2 = static_cast<T>(1 - config_.beta2);
        m = b1 * m + r1 * g;
        v = b2 * v + r2 * g * g;
        const T size = static_cast<T>(rate / (1 - std::pow(config_.beta1, step)));
        const T root = static_cast<T>(1 / std::sqrt(1 - std::pow(config_.beta2, step)));
        w -= size * m / (v.sqrt() * root + epsilon);
        break;
      }
    }
  }

  OptimizerConfig config_;
  std::vector<ArenaRow> rows_;
  bool only_clip_;
  std::vector<Spec> outputs_;
  std::vector<Piece> pieces_;
};

/// Adds one to a counter in place.
class Increment final : public Op {
 public:
  [[nodiscard]] const char* name() const override { return "increment"; }
  [[nodiscard]] std::vector<Spec> infer(std::span<const Spec>) const override { return {{Shape{}, DType::int64}}; }
  void cpu(Inputs, Outputs outputs) const override { ++*outputs[0].as<int64_t>(); }
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
  learning_rate_ = full({}, config.learning_rate, {DType::float64, device});
  statistics_ = zeros({static_cast<int64_t>(parameters.rows().size()), columns}, {DType::float64, device});
}

void Optimizer::launch(const Tensor& gradients, const std::vector<ArenaRow>& rows, bool only_clip) {
  std::vector<Tensor> targets{parameters_.flat(), statistics_};
  for (const auto& [name, arena] : state_) targets.push_back(arena.flat());
  std::vector<Spec> specs;
  for (const Tensor& target : targets) specs.push_back({target.shape(), target.dtype()});
  apply_in_place(std::make_shared<const Update>(config_, rows, only_clip, std::move(specs)),
                 {step_, learning_rate_, gradients}, targets);
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
