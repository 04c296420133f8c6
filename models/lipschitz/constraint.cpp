#include "models/lipschitz/constraint.h"

#include "engine/autograd.h"
#include "models/lipschitz/constraints.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace kantor {
namespace {

/// Nothing: to see what a critic does without any.
class Unconstrained final : public Constraint {
 public:
  [[nodiscard]] std::string name() const override { return "none"; }
};

struct Row {
  ConstraintKind kind;
  std::unique_ptr<Constraint> (*make)(const ConstraintConfig&);
};

const std::vector<Row>& rows() {
  static const std::vector<Row> table{
      {{"clip", "weights clipped to [-c, c] after every update (Arjovsky et al. 2017)"}, make_clip},
      {{"penalty",
        "lambda mean (n - 1)^2, n the gradient norm between real and generated samples (Gulrajani et al. 2017)"},
       [](const ConstraintConfig& c) { return make_gradient_penalty(c, PenaltyKind::two_sided); }},
      {{"one-sided", "lambda mean max(n - 1, 0)^2 there (Petzka et al. 2018)"},
       [](const ConstraintConfig& c) { return make_gradient_penalty(c, PenaltyKind::one_sided); }},
      {{"r1", "lambda / 2 mean n^2 at real samples (Mescheder et al. 2018)"},
       [](const ConstraintConfig& c) { return make_zero_centred(c, true); }},
      {{"r2", "lambda / 2 mean n^2 at generated samples"},
       [](const ConstraintConfig& c) { return make_zero_centred(c, false); }},
      {{"dragan",
        "lambda mean (n - 1)^2 at x + 0.5 std(x) U, U uniform in [0, 1) for every element, std over the batch "
        "(Kodali et al. 2017)"},
       make_dragan},
      {{"spectral",
        "weights over their largest singular value, one power iteration a training forward (Miyato et al. "
        "2018); of a convolution that of its matrix [O, C kh kw], of an rnn that of each weight"},
       make_spectral},
      {{"weight-norm",
        "rows of weights over their norm, with no free scale (after Salimans and Kingma 2016): every unit "
        "is 1-Lipschitz, a layer of n units up to sqrt(n)"},
       make_weight_norm},
      {{"groupsort",
        "weights that are kept orthonormal (put back by 10 iterations of Bjoerck's after every update), and sorted "
        "groups of units for activations (Anil, Lucas and Grosse 2019); mlp critics whose width the groups divide"},
       make_group_sort},
      {{"none", "nothing"},
       [](const ConstraintConfig&) -> std::unique_ptr<Constraint> { return std::make_unique<Unconstrained>(); }},
  };
  return table;
}

}  // namespace

const std::vector<ConstraintKind>& constraint_table() {
  static const std::vector<ConstraintKind> kinds = [] {
    std::vector<ConstraintKind> all;
    for (const Row& row : rows()) all.push_back(row.kind);
    return all;
  }();
  return kinds;
}

const std::vector<std::string>& constraint_kinds() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Row& row : rows()) all.push_back(row.kind.name);
    return all;
  }();
  return names;
}

nlohmann::json Constraint::layers(const nlohmann::json& critic) const {
  return critic;
}
ConstraintTerm Constraint::penalty(const Network&, const ConstraintBatch&) const {
  return {};
}
void Constraint::set_bounds(Network&) const {}

std::unique_ptr<Constraint> make_constraint(const ConstraintConfig& config) {
  for (const Row& row : rows()) {
    if (row.kind.name == config.kind) return row.make(config);
  }
  throw Error(fmt::format("unknown constraint '{}'; known are {}", config.kind, fmt::join(constraint_kinds(), ", ")));
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

ConstraintTerm penalize_at(const Network& critic, const Tensor& points, PenaltyKind kind, double coefficient) {
  const Tensor x = points.detach();
  const Tensor g = grad(sum(critic(x)), {x}, {true, {}})[0];
  const PenaltyResult penalty = gradient_penalty(or_zeros(g, x), kind, coefficient);
  return {penalty.value, penalty.norms, x, or_zeros(g, x)};
}

CriticLoss critic_loss(const Network& critic, const Constraint& constraint, const ConstraintBatch& batch) {
  CriticLoss result;
  if (critic.has_batch_norm()) {
    result.real_scores = critic(batch.real);
    result.fake_scores = critic(batch.fake);
  } else {
    const int64_t n = batch.real.shape()[0];
    const Tensor scores = critic(concat({batch.real, batch.fake}));
    result.real_scores = slice(scores, 0, 0, n);
    result.fake_scores = slice(scores, 0, n, scores.shape()[0]);
  }
  result.wasserstein = mean(result.real_scores) - mean(result.fake_scores);
  result.term = constraint.penalty(critic, batch);
  result.loss = -result.wasserstein;
  if (result.term.value.defined()) result.loss = result.loss + result.term.value;
  return result;
}

Tensor generator_loss(const Network& critic, const Tensor& fake) {
  return -mean(critic(fake));
}

}  // namespace kantor
