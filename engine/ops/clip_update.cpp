// The fused update: one pass over an arena does update, clip and weight statistics.
// Bytes a parameter in float32: 12, 20, 28 for no, one, two state arrays, statistics included: each piece is read once,
// and its statistics are taken while it is in the first-level cache.
#include "engine/ops/clip_update.h"

#include "engine/apply.h"
#include "engine/cpu/parallel.h"
#include "engine/cpu/weight_statistics.h"
#include "engine/target.h"
#include "engine/weight_statistics.h"
#include "kernels/update_rules/update_rules.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace kantor {
namespace {

constexpr size_t parameters_at = 4;  // among the outputs
constexpr int64_t scalars = 5;       // columns of the statistics before the histogram
constexpr int64_t columns = update_columns;
static_assert(WeightStatistics::bins == update_bins, "the kernel writes the same row");

struct Piece {
  size_t row;
  int64_t begin, size;  // elements of the arena
};

/// Limits to [-bound, bound]; NaN fails every comparison and is returned.
template <class T>
T clipped(T w, T bound) {
  w = w > bound ? bound : w;
  return w < -bound ? -bound : w;
}

/// One block of weights: the rule, then the clip. Arrays that the rule does not have are null.
template <class Rule, class T>
void update_block(const typename Rule::template Update<T>& updated, T* w, const T* g, T* first, T* second, int64_t n,
                  T bound) {
  for (int64_t i = 0; i < n; ++i) {
    T none = 0;
    if constexpr (Rule::states == 0) w[i] = clipped(updated(w[i], g[i], none, none), bound);
    if constexpr (Rule::states == 1) w[i] = clipped(updated(w[i], g[i], first[i], none), bound);
    if constexpr (Rule::states == 2) w[i] = clipped(updated(w[i], g[i], first[i], second[i]), bound);
  }
}

/// Inputs: learning rate, whether to take histograms, gradients, and for kernels the table of pieces and the bounds.
/// Outputs, in place: statistics (those of the last update give the histogram's range), the step, for kernels the
/// powers of the decays and a count of blocks, then parameters and the state arrays.
class ClipUpdate final : public OpOf<ClipUpdate> {
 public:
  ClipUpdate(int rule, const UpdateSettings& settings, const std::vector<ArenaRow>& rows, std::vector<double> bounds,
             std::vector<TensorSpec> outputs)
      : rule_(rule), settings_(settings), bounds_(std::move(bounds)), outputs_(std::move(outputs)) {
    for (size_t r = 0; r < rows.size(); ++r) {
      for (int64_t begin = 0; begin < rows[r].shape.size(); begin += cpu::piece_elements) {
        pieces_.push_back({r, rows[r].offset + begin, std::min(cpu::piece_elements, rows[r].shape.size() - begin)});
      }
    }
  }
  [[nodiscard]] const char* name() const override { return rule_ == clip_only ? "clip" : "clip_update"; }
  [[nodiscard]] bool reads_outputs() const override { return true; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec>) const override { return outputs_; }

  void cpu(Inputs inputs, Outputs outputs) const override {
    visit_floating(outputs[parameters_at].dtype, [&](auto zero) { run<decltype(zero)>(inputs, outputs); });
  }

  void device(const Target& target, Inputs inputs, Outputs outputs) const override {
    const int64_t pieces = inputs[3].shape[0];
    const Temporary partial(target, pieces * columns * static_cast<int64_t>(sizeof(double)));
    visit_floating(outputs[parameters_at].dtype, [&](auto zero) {
      using T = decltype(zero);
      const UpdateArrays<T> arrays{
          outputs[parameters_at].as<T>(),
          inputs[2].as<T>(),
          state<T>(outputs, 0),
          state<T>(outputs, 1),
          inputs[4].as<double>(),
          outputs[0].as<double>(),
          partial.as<double>(),
          static_cast<const UpdatePiece*>(inputs[3].data),
          pieces,
          static_cast<int64_t>(bounds_.size()),
          {outputs[1].as<int64_t>(), outputs[2].as<double>(), static_cast<unsigned long long*>(outputs[3].data)}};
      KANTOR_ON(target.backend,
                clip_update(rule_, settings_, inputs[0].as<double>(), inputs[1].as<int64_t>(), arrays, target.stream));
    });
  }

 private:
  template <class T>
  static T* state(Outputs outputs, size_t k) {
    return outputs.size() > parameters_at + 1 + k ? outputs[parameters_at + 1 + k].as<T>() : nullptr;
  }

  template <class T>
  void run(Inputs inputs, Outputs outputs) const {
    if (rule_ == clip_only) {
      return run_pieces<T>(inputs, outputs, [](T* w, int64_t, int64_t n, T bound) {
        for (int64_t i = 0; i < n; ++i) w[i] = clipped(w[i], bound);
      });
    }
    const auto step = static_cast<double>(++*outputs[1].as<int64_t>());
    const UpdateScalars scalars_now{*inputs[0].as<double>(), std::pow(settings_.beta1, step),
                                    std::pow(settings_.beta2, step)};
    with_update_rule(rule_, [&](auto rule) {
      using Rule = decltype(rule);
      const typename Rule::template Update<T> updated(settings_, scalars_now);
      const T* g = inputs[2].as<T>();
      T *first = state<T>(outputs, 0), *second = state<T>(outputs, 1);
      run_pieces<T>(inputs, outputs, [&](T* w, int64_t at, int64_t n, T bound) {
        update_block<Rule>(updated, w, g + at, first ? first + at : nullptr, second ? second + at : nullptr, n, bound);
      });
    });
  }

  /// Calls update(weights, their place in the arena, count, bound) block by block, and counts what it leaves.
  template <class T, class Update>
  void run_pieces(Inputs inputs, Outputs outputs, const Update& update) const {
    const bool histograms = *inputs[1].as<int64_t>() != 0;
    auto* statistics = outputs[0].as<double>();
    std::vector<double> ranges(bounds_.size());
    for (size_t r = 0; r < ranges.size(); ++r) {
      const double seen = statistics[static_cast<int64_t>(r) * columns + 2];
      ranges[r] = std::isfinite(bounds_[r]) ? bounds_[r] : seen;
    }
    std::vector<double> partial(pieces_.size() * columns);
    cpu::for_pieces(
        static_cast<int64_t>(pieces_.size()), static_cast<double>(outputs[parameters_at].size()) * 4, [&](int64_t p) {
          const Piece& piece = pieces_[static_cast<size_t>(p)];
          const T bound = static_cast<T>(bounds_[piece.row]);
          double* row = partial.data() + p * columns;
          row[4] = ranges[piece.row];
          for (int64_t begin = piece.begin; begin < piece.begin + piece.size; begin += cpu::statistics_block) {
            const int64_t n = std::min(cpu::statistics_block, piece.begin + piece.size - begin);
            T* w = outputs[parameters_at].as<T>() + begin;
            update(w, begin, n, bound);
            cpu::count_weights(w, n, bound, row);
            if (histograms && row[4] > 0) cpu::count_bins(w, n, row[4], row + scalars);
          }
        });
    std::fill(statistics, statistics + outputs[0].size(), 0.0);
    for (size_t p = 0; p < pieces_.size(); ++p) {  // in piece order, whichever thread ran them
      double* row = statistics + static_cast<int64_t>(pieces_[p].row) * columns;
      const double* part = partial.data() + p * columns;
      for (int64_t i = 0; i < columns; ++i)
        row[i] = i == 2 ? std::max(row[i], part[i]) : i == 4 ? part[i] : row[i] + part[i];
    }
  }

  int rule_;
  UpdateSettings settings_;
  std::vector<double> bounds_;
  std::vector<TensorSpec> outputs_;
  std::vector<Piece> pieces_;
};

}  // namespace

ArenaUpdate::ArenaUpdate(int rule, const UpdateSettings& settings, const std::vector<ArenaRow>& rows,
                         std::vector<double> bounds, const UpdateTensors& t)
    : inputs_{t.learning_rate, t.histograms, Tensor(), t.pieces, t.bounds},
      targets_{t.statistics, t.step, t.powers, t.arrived} {
  targets_.insert(targets_.end(), t.parameters_state.begin(), t.parameters_state.end());
  std::vector<TensorSpec> specs;
  for (const Tensor& target : targets_) specs.push_back({target.shape(), target.dtype()});
  op_ = std::make_shared<const ClipUpdate>(rule, settings, rows, std::move(bounds), std::move(specs));
}

ArenaUpdate ArenaUpdate::with_statistics_in(const Tensor& place) const {
  ArenaUpdate other = *this;
  other.targets_[0] = place;
  return other;
}

void ArenaUpdate::run(const Tensor& gradients) const {
  std::vector<Tensor> inputs = inputs_;
  inputs[2] = gradients;
  apply_in_place(op_, inputs, targets_);
}

}  // namespace kantor
