// Constraint: what keeps a critic Lipschitz. A penalty added to the loss, bounds on the weights, or layers that are
// Lipschitz by construction.
#pragma once

#include "engine/error.h"
#include "engine/ops.h"
#include "engine/random.h"
#include "models/nn/network.h"

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace kantor {

/// What a penalty is measured on: samples [B, ...]; one eps a sample, [B], and one noise an element, of real's shape,
/// both uniform in [0, 1). Where one of the last two is undefined, who needs it draws it.
struct ConstraintBatch {
  Tensor real, fake;
  Tensor eps = {}, noise = {};
  Draw eps_draw = {}, noise_draw = {};
};

struct ConstraintTerm {
  Tensor value;           // []; undefined: no penalty
  Tensor norms;           // [B] gradient norms where the penalty measured them; undefined: none
  Tensor points;          // where: x_hat, real or fake
  Tensor input_gradient;  // d critic / d points
};

class Constraint {
 public:
  virtual ~Constraint() = default;
  /// As in ConstraintConfig::kind.
  [[nodiscard]] virtual std::string name() const = 0;
  /// The critic's layer list (JSON) as the constraint wants it built: parametrized weights, other activations. The
  /// default changes nothing. Throws Error for a layer that cannot be made Lipschitz so.
  [[nodiscard]] virtual nlohmann::json layers(const nlohmann::json& critic) const;
  /// The term of the critic's loss. The default has none.
  [[nodiscard]] virtual ConstraintTerm penalty(const Network& critic, const ConstraintBatch& batch) const;
  /// Sets the bounds of the critic's parameter rows. The default sets none.
  virtual void set_bounds(Network& critic) const;
  /// Per-sample gradients: batch norm in the critic mixes samples and deserves a warning.
  [[nodiscard]] virtual bool per_sample() const { return false; }
  /// Layers bounded one by one: a normalization between them is not, and deserves a warning.
  [[nodiscard]] virtual bool per_layer() const { return false; }
};

struct ConstraintConfig {
  std::string kind = "penalty";  // one of constraint_kinds()
  double lambda = 10;            // weight of a penalty (gamma of R1 and R2)
  double clip = 0.01;            // c
  bool clip_biases = true;
  bool clip_norm_scales = true;    // batch and layer norm's gamma and beta; the released code clips them
  bool spectral_detached = false;  // spectral: the singular value is a constant in the gradient
  int64_t sort_group = 2;          // groupsort: units sorted together; 0: all of a layer
};
/// A kind's name, and what it does in a line for users.
struct ConstraintKind {
  std::string name, text;
};
const std::vector<ConstraintKind>& constraint_table();
/// Its names.
const std::vector<std::string>& constraint_kinds();
/// Throws Error naming the known kinds.
std::unique_ptr<Constraint> make_constraint(const ConstraintConfig& config);

/// The critic's loss and its parts (Arjovsky 2017, Gulrajani 2017): mean D(fake) - mean D(real) + penalty.
struct CriticLoss {
  Tensor loss, wasserstein, real_scores, fake_scores;  // wasserstein = mean D(real) - mean D(fake): the estimate
  ConstraintTerm term;
};
/// One forward over both batches, two where the critic has batch norm, so that each keeps its own statistics.
CriticLoss critic_loss(const Network& critic, const Constraint& constraint, const ConstraintBatch& batch);
/// -mean D(generator output).
Tensor generator_loss(const Network& critic, const Tensor& fake);

}  // namespace kantor
