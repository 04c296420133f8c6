// Weight clipping (Arjovsky et al. 2017): every weight in [-c, c]. The optimizer clips in the pass that updates.
#include "models/lipschitz/constraints.h"

#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <memory>

namespace kantor {
namespace {

class Clip final : public Constraint {
 public:
  explicit Clip(const ConstraintConfig& config) : config_(config) {
    if (!(config.clip > 0) || !std::isfinite(config.clip)) {
      throw Error(fmt::format("clip.c = {}: expected a finite number above 0", config.clip));
    }
  }
  [[nodiscard]] std::string name() const override { return "clip"; }
  [[nodiscard]] std::vector<double> bounds(const Network& critic) const override {
    std::vector<double> bounds;
    for (const Network::Role& role : critic.roles()) {
      const bool spared = (role.bias && !config_.clip_biases) || (role.norm && !config_.clip_norm_scales);
      bounds.push_back(spared ? std::numeric_limits<double>::infinity() : config_.clip);
    }
    return bounds;
  }

 private:
  ConstraintConfig config_;
};

}  // namespace

extern const ConstraintKind clip_kind;
const ConstraintKind clip_kind{
    "clip", "weight clipping", "weights clipped to [-c, c] after every update (Arjovsky et al. 2017)",
    [](const ConstraintConfig& c) -> std::unique_ptr<Constraint> { return std::make_unique<Clip>(c); }};

}  // namespace kantor
