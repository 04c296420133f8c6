#include "models/lipschitz/constraint.h"

#include "engine/autograd.h"
#include "models/lipschitz/constraints.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

namespace kantor {
namespace {

/// Several constraints that all hold.
class Combination final : public Constraint {
 public:
  Combination(std::string name, std::vector<std::unique_ptr<Constraint>> parts)
      : name_(std::move(name)), parts_(std::move(parts)) {}
  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] nlohmann::json layers(const nlohmann::json& critic) const override {
    nlohmann::json edited = critic;
    for (const auto& part : parts_) edited = part->layers(edited);
    return edited;
  }
  /// The sum of the terms; the norms and points are those of the first part that has any.
  [[nodiscard]] ConstraintTerm penalty(const Network& critic, const CriticBatch& batch) const override {
    ConstraintTerm sum;
    for (const auto& part : parts_) {
      const ConstraintTerm term = part->penalty(critic, batch);
      if (!term.value.defined()) continue;
      if (sum.value.defined()) {
        sum.value = sum.value + term.value;
      } else {
        sum = term;
      }
    }
    return sum;
  }
  [[nodiscard]] std::vector<double> bounds(const Network& critic) const override {
    std::vector<double> least;
    for (const auto& part : parts_) {
      const std::vector<double> bounds = part->bounds(critic);
      if (least.empty()) least = bounds;
      for (size_t i = 0; i < bounds.size(); ++i) least[i] = std::min(least[i], bounds[i]);
    }
    return least;
  }
  [[nodiscard]] bool per_sample() const override {
    return std::any_of(parts_.begin(), parts_.end(), [](const auto& part) { return part->per_sample(); });
  }
  [[nodiscard]] bool per_layer() const override {
    return std::any_of(parts_.begin(), parts_.end(), [](const auto& part) { return part->per_layer(); });
  }

 private:
  std::string name_;
  std::vector<std::unique_ptr<Constraint>> parts_;
};

}  // namespace

// Each in the file of its constraint.
extern const ConstraintKind clip_kind, penalty_kind, one_sided_kind, r1_kind, r2_kind, dragan_kind, spectral_kind,
    weight_norm_kind, group_sort_kind, no_constraint_kind;

const std::vector<ConstraintKind>& constraint_table() {
  static const std::vector<ConstraintKind> kinds{clip_kind,       penalty_kind,      one_sided_kind, r1_kind,
                                                 r2_kind,         dragan_kind,       spectral_kind,  weight_norm_kind,
                                                 group_sort_kind, no_constraint_kind};
  return kinds;
}

const std::vector<std::string>& constraint_kinds() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const ConstraintKind& kind : constraint_table()) all.emplace_back(kind.name);
    return all;
  }();
  return names;
}

nlohmann::json Constraint::layers(const nlohmann::json& critic) const {
  return critic;
}
ConstraintTerm Constraint::penalty(const Network&, const CriticBatch&) const {
  return {};
}
std::vector<double> Constraint::bounds(const Network&) const {
  return {};
}

std::vector<std::string> constraint_parts(const std::string& kind) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= kind.size();) {
    const size_t end = std::min(kind.find('+', begin), kind.size());
    const std::string part = kind.substr(begin, end - begin);
    const std::vector<std::string>& known = constraint_kinds();
    if (std::find(known.begin(), known.end(), part) == known.end()) {
      throw Error(fmt::format("unknown constraint '{}'; known are {}, and several joined by +, such as r1+r2", part,
                              fmt::join(known, ", ")));
    }
    if (std::find(parts.begin(), parts.end(), part) != parts.end()) {
      throw Error(fmt::format("constraint '{}': {} is there twice; name each once", kind, part));
    }
    parts.push_back(part);
    begin = end + 1;
  }
  return parts;
}

bool has_constraint(const std::string& joined, const std::string& kind) {
  return ("+" + joined + "+").find("+" + kind + "+") != std::string::npos;
}

bool constraint_draws(const std::string& kind, ConstraintDraws draws) {
  for (const ConstraintKind& row : constraint_table()) {
    if (row.draws == draws && has_constraint(kind, row.name)) return true;
  }
  return false;
}

double preset_lambda(const std::string& kind) {
  double lambda = 0;
  for (const ConstraintKind& row : constraint_table()) {
    if (has_constraint(kind, row.name)) lambda = std::max(lambda, row.lambda);
  }
  return lambda;
}

std::unique_ptr<Constraint> make_constraint(const ConstraintConfig& config) {
  std::vector<std::unique_ptr<Constraint>> parts;
  for (const std::string& part : constraint_parts(config.kind)) {
    for (const ConstraintKind& kind : constraint_table()) {
      if (kind.name == part) parts.push_back(kind.make(config));
    }
  }
  if (parts.size() == 1) return std::move(parts.front());
  return std::make_unique<Combination>(config.kind, std::move(parts));
}

double checked_lambda(const ConstraintConfig& config) {
  if (!(config.lambda >= 0) || !std::isfinite(config.lambda)) {
    throw Error(fmt::format("critic.lambda = {}: expected a finite number of at least 0", config.lambda));
  }
  return config.lambda;
}

nlohmann::json parametrize(nlohmann::json layers, const std::string& parametrization,
                           const std::vector<std::string>& types) {
  const std::vector<std::string> weighted{"linear", "conv2d", "conv_transpose2d", "rnn"};
  const auto among = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  size_t position = 0;
  for (nlohmann::json& layer : layers) {
    const size_t i = position++;
    const std::string type = layer_type(layer);
    if (!among(weighted, type)) continue;
    if (!among(types, type)) {
      throw Error(fmt::format("layer {} ({}): its weight cannot be parametrized as {}; expected layers of the types {}",
                              i, type, parametrization, fmt::join(types, ", ")));
    }
    if (layer.contains("parametrization") && layer["parametrization"] != parametrization) {
      throw Error(fmt::format("layer {} ({}): its parametrization is {}, the constraint's is {}; leave the key out", i,
                              type, layer["parametrization"].dump(), parametrization));
    }
    layer["parametrization"] = parametrization;
  }
  return layers;
}

std::string layer_type(const nlohmann::json& layer) {
  const bool named = layer.is_object() && layer.contains("type") && layer["type"].is_string();
  return named ? layer["type"].get<std::string>() : "";
}

InputGradient input_gradient_at(const Network& critic, const Tensor& points) {
  const Tensor x = points.detach();  // what made the points is no part of the critic's loss
  const Tensor g = grad(sum(critic(x)), {x}, {.create_graph = true, .seed = {}})[0];
  return {x, or_zeros(g, x)};  // undefined where the critic is constant: zero
}

ConstraintTerm penalize_at(const Network& critic, const Tensor& points, PenaltyKind kind, double coefficient) {
  const InputGradient measured = input_gradient_at(critic, points);
  const PenaltyResult penalty = gradient_penalty(measured.gradient, kind, coefficient);
  return {penalty.value, penalty.norms, measured.points, measured.gradient};
}

Tensor between(const CriticBatch& batch) {
  if (batch.eps.defined()) return interpolate(batch.real, batch.fake, batch.eps);
  if (!batch.eps_draw.step.defined()) {
    throw Error("a penalty between real and generated samples: the batch has neither eps nor a draw to take it from");
  }
  return interpolate(batch.real, batch.fake, batch.eps_draw);
}

}  // namespace kantor
