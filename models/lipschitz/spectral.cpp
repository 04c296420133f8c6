// Spectral normalization (Miyato et al. 2018): every weight divided by an estimate of its largest singular value, one
// power iteration a training forward. A convolution's weight counts as the matrix [O, C kh kw], whose norm is not the
// convolution's own; each weight of an rnn is bounded, and the whole over T steps by sqrt(T).
#include "models/lipschitz/constraints.h"

#include <memory>
#include <nlohmann/json.hpp>

namespace kantor {
namespace {

class Spectral final : public Constraint {
 public:
  explicit Spectral(bool detached) : detached_(detached) {}
  [[nodiscard]] std::string name() const override { return "spectral"; }
  [[nodiscard]] nlohmann::json layers(const nlohmann::json& critic) const override {
    return parametrize(critic, detached_ ? "spectral_detached" : "spectral", {"linear", "conv2d", "rnn"});
  }
  [[nodiscard]] bool per_layer() const override { return true; }

 private:
  bool detached_;
};

}  // namespace

extern const ConstraintKind spectral_kind;
const ConstraintKind spectral_kind{
    "spectral", "spectral norm",
    "weights over their largest singular value, one power iteration a training forward (Miyato et al. "
    "2018); of a convolution that of its matrix [O, C kh kw], of an rnn that of each weight",
    [](const ConstraintConfig& c) -> std::unique_ptr<Constraint> {
      return std::make_unique<Spectral>(c.spectral_detached);
    }};

}  // namespace kantor
