// Weight clipping (Arjovsky et al. 2017): every weight in [-c, c]. The optimizer clips in the pass that updates.
#include "models/lipschitz/constraints.h"

#include <cmath>
#include <fmt/format.h>

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
  void set_bounds(Network& critic) const override {
    for (size_t i = 0; i < critic.roles().size(); ++i) {
      const Network::Role& role = critic.roles()[i];
      const bool spared = (role.bias && !config_.clip_biases) || (role.norm && !config_.clip_norm_scales);
      if (!spared) critic.parameters().rows()[i].bound = config_.clip;
    }
  }

 private:
  ConstraintConfig config_;
};

}  // namespace

std::unique_ptr<Constraint> make_clip(const ConstraintConfig& config) {
  return std::make_unique<Clip>(config);
}

}  // namespace kantor
