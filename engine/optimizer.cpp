#include "engine/optimizer.h"

#include "engine/error.h"
#include "engine/ops/clip_update.h"
#include "engine/transfer.h"
#include "kernels/update_rules/update_rules.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <limits>

namespace kantor {
namespace {

int find_rule(const std::string& name) {
  const std::vector<std::string>& names = optimizer_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    throw Error(fmt::format("unknown optimizer '{}'; known are {}", name, fmt::join(names, ", ")));
  }
  return static_cast<int>(found - names.begin());
}

}  // namespace

const std::vector<std::string>& optimizer_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const UpdateRule& rule : update_rules) all.emplace_back(rule.name);
    return all;
  }();
  return names;
}

int optimizer_state_arrays(const std::string& rule) {
  return update_rules[find_rule(rule)].states;
}

Optimizer::Optimizer(const OptimizerConfig& config, const Arena& parameters, std::vector<double> bounds)
    : config_(config), parameters_(parameters), bounds_(std::move(bounds)) {
  const int place = find_rule(config.rule);
  const size_t rows = parameters.rows().size();
  if (bounds_.empty()) bounds_.assign(rows, std::numeric_limits<double>::infinity());
  if (bounds_.size() != rows) {
    throw ShapeError(
        fmt::format("an optimizer of {} tensors with {} bounds: expected one a tensor, or none", rows, bounds_.size()));
  }
  const UpdateRule& rule = update_rules[place];
  for (int k = 0; k < rule.states; ++k) {
    state_.emplace_back(fmt::format("{}.{}", rule.name, rule.state_names[k]), parameters.like());
  }
  const Device device = parameters.flat().device();
  step_ = zeros({}, {DType::int64, device});
  histograms_ = zeros({}, {DType::int64, device});
  learning_rate_ = full({}, config.learning_rate, {DType::float64, device});
  statistics_ = zeros({static_cast<int64_t>(rows), update_columns}, {DType::float64, device});
  std::vector<int64_t> pieces;
  const int64_t piece = update_piece(parameters.flat().size());
  for (size_t r = 0; r < rows; ++r) {
    const ArenaRow& row = parameters.rows()[r];
    for (int64_t begin = 0; begin < row.shape.size(); begin += piece) {
      pieces.insert(pieces.end(),
                    {static_cast<int64_t>(r), row.offset + begin, std::min(piece, row.shape.size() - begin)});
    }
  }
  std::vector<Tensor> written{parameters_.flat()};
  for (const auto& [name, arena] : state_) written.push_back(arena.flat());
  const UpdateTensors tensors{learning_rate_,
                              step_,
                              zeros({3}, {DType::float64, device}),
                              zeros({}, {DType::int64, device}),
                              histograms_,
                              from_host(pieces, {static_cast<int64_t>(pieces.size() / 3), 3}, {DType::int64, device}),
                              from_host(bounds_, {static_cast<int64_t>(rows)}, {DType::float64, device}),
                              statistics_,
                              written};
  update_ = std::make_shared<ArenaUpdate>(place, settings(), parameters_.rows(), bounds_, tensors);
  clip_ = std::make_shared<ArenaUpdate>(clip_only, settings(), parameters_.rows(), bounds_, tensors);
}

void Optimizer::update(const Arena& gradients) {
  if (gradients.flat().shape() != parameters_.flat().shape() ||
      gradients.flat().dtype() != parameters_.flat().dtype()) {
    throw ShapeError(fmt::format("optimizer update: gradients {} for parameters {}; make them with Arena::like()",
                                 describe(gradients.flat()), describe(parameters_.flat())));
  }
  update_->run(gradients.flat());
}

void Optimizer::clip() {
  // Two passes, because the histogram spans the range that the previous pass found.
  for (int pass = 0; pass < 2; ++pass) clip_->run(parameters_.flat());
}

int Optimizer::rule() const {
  return find_rule(config_.rule);
}

UpdateSettings Optimizer::settings() const {
  return {config_.beta1, config_.beta2, config_.alpha, config_.epsilon, config_.weight_decay};
}

void Optimizer::updated_elsewhere(int64_t updates) {
  step_.assign(std::vector<int64_t>{updates});
  clip();
}

void Optimizer::take_histograms(bool on) {
  fill(histograms_, on ? 1 : 0);  // an op: nothing comes from the host, which would wait for it
}

void Optimizer::set_learning_rate(double rate) {
  config_.learning_rate = rate;
  learning_rate_.assign(std::vector<double>{rate});
}

void Optimizer::keep_statistics_in(const Tensor& place) {
  place.copy_from(statistics_);
  statistics_ = place;
  for (std::shared_ptr<const ArenaUpdate>* update : {&update_, &clip_}) {
    *update = std::make_shared<const ArenaUpdate>((*update)->with_statistics_in(place));
  }
}

std::vector<WeightStatistics> Optimizer::statistics(std::span<const double> raw) const {
  std::vector<WeightStatistics> result;
  for (size_t r = 0; r < parameters_.rows().size(); ++r) {
    const double* row = raw.data() + r * update_columns;
    WeightStatistics s;
    s.count = parameters_.rows()[r].shape.size();
    s.saturated = static_cast<int64_t>(row[0]);
    s.non_finite = static_cast<int64_t>(row[1]);
    s.max_abs = row[2];
    s.sum_squares = row[3];
    s.range = row[4];
    for (size_t b = 0; b < WeightStatistics::bins; ++b) s.histogram[b] = static_cast<int64_t>(row[5 + b]);
    result.push_back(s);
  }
  return result;
}

}  // namespace kantor
