// Constraint: what keeps a critic Lipschitz. A penalty added to the loss, bounds on the weights, or layers that are
// Lipschitz by construction.
#pragma once

#include "engine/error.h"
#include "engine/ops.h"
#include "engine/random.h"
#include "models/nn/network.h"

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace kantor {

/// What a critic is updated on: samples [B, ...], and the random numbers that a penalty may need: one eps a sample,
/// [B], and one noise an element, of real's shape, both uniform in [0, 1). If undefined, the constraint draws them.
struct CriticBatch {
  Tensor real, fake;
  Tensor eps = {}, noise = {};
  Draw eps_draw = {}, noise_draw = {};
};

/// A constraint's term of the critic's loss, with what it was computed from.
struct ConstraintTerm {
  Tensor value;           // []; undefined: no penalty
  Tensor norms;           // [B] gradient norms where the penalty measured them; undefined: none
  Tensor points;          // where they are measured: x_hat, real or fake
  Tensor input_gradient;  // d critic / d points
};

/// What keeps a critic Lipschitz: a penalty, bounds on weights, or an edit of the layers. The defaults do nothing.
class Constraint {
 public:
  virtual ~Constraint() = default;
  /// The name, as in ConstraintConfig::kind.
  [[nodiscard]] virtual std::string name() const = 0;
  /// The critic's layer list (JSON) as the constraint wants it built: parametrized weights, other activations. The
  /// default changes nothing. Throws Error for a layer that it cannot make Lipschitz.
  [[nodiscard]] virtual nlohmann::json layers(const nlohmann::json& critic) const;
  /// The term of the critic's loss. The default has none.
  [[nodiscard]] virtual ConstraintTerm penalty(const Network& critic, const CriticBatch& batch) const;
  /// The bound |w| <= bound of each parameter row, infinite where it is not clipped; empty where none is, as by
  /// default.
  [[nodiscard]] virtual std::vector<double> bounds(const Network& critic) const;
  /// Whether it needs gradients per sample: batch norm in the critic mixes samples, and then deserves a warning.
  [[nodiscard]] virtual bool per_sample() const { return false; }
  /// Whether it bounds each layer by itself: a normalization between them is not bounded, and deserves a warning.
  [[nodiscard]] virtual bool per_layer() const { return false; }
};

/// Which constraint, and its numbers.
struct ConstraintConfig {
  std::string kind = "penalty";  // one of constraint_kinds(), or several joined by +: "r1+r2"
  double lambda = 10;            // weight of a penalty (gamma of R1 and R2)
  double clip = 0.01;            // c
  bool clip_biases = true;
  bool clip_norm_scales = true;    // batch and layer norm's gamma and beta; the released code clips them
  bool spectral_detached = false;  // spectral: the singular value is a constant in the gradient
  int64_t sort_group = 2;          // groupsort: units sorted together; 0: all of a layer
};
/// The random numbers that a constraint asks of a CriticBatch.
enum class ConstraintDraws : uint8_t { none, eps, noise };

/// A kind of constraint: a row of the table in constraint.cpp, defined in the file of the constraint.
struct ConstraintKind {
  const char* name;   // as configurations and options call it
  const char* title;  // as figures call it: "weight clipping"
  const char* text;   // what it does, in a line for users
  std::unique_ptr<Constraint> (*make)(const ConstraintConfig& config);
  ConstraintDraws draws = ConstraintDraws::none;
  double lambda = 0;  // that presets take in place of their own; 0: theirs
};
const std::vector<ConstraintKind>& constraint_table();
/// The names in constraint_table().
const std::vector<std::string>& constraint_kinds();
/// The kinds that "r1+r2" joins. Throws Error for an unknown one, naming the known kinds, and for one that is there
/// twice.
std::vector<std::string> constraint_parts(const std::string& kind);
/// Whether the kind is among those that `joined` joins; false where `joined` is none.
bool has_constraint(const std::string& joined, const std::string& kind);
/// Whether one of its parts asks for these random numbers, and the largest lambda that they have presets take, or 0.
bool constraint_draws(const std::string& kind, ConstraintDraws draws);
double preset_lambda(const std::string& kind);

/// The constraint, or several that all hold: penalties add up, bounds and edits of the layers follow one another.
/// Throws Error naming the known kinds.
std::unique_ptr<Constraint> make_constraint(const ConstraintConfig& config);

}  // namespace kantor
