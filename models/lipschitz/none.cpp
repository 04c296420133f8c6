// No constraint, to see what a critic does without one.
#include "models/lipschitz/constraint.h"

#include <memory>
#include <string>

namespace kantor {
namespace {

class Unconstrained final : public Constraint {
 public:
  [[nodiscard]] std::string name() const override { return "none"; }
};

}  // namespace

extern const ConstraintKind no_constraint_kind;
const ConstraintKind no_constraint_kind{
    "none", "no constraint", "nothing",
    [](const ConstraintConfig&) -> std::unique_ptr<Constraint> { return std::make_unique<Unconstrained>(); }};

}  // namespace kantor
