// Swiss roll: the spiral t (cos t, sin t), t uniform in [1.5 pi, 4.5 pi], with noise 0.25, all divided by 7.5.
#include "engine/random.h"
#include "models/data/distributions.h"
#include "models/data/open_dataset.h"

#include <cmath>
#include <numbers>

namespace kantor {

namespace {

class SwissRoll final : public Dataset {
 public:
  std::string name() const override { return "swissroll"; }
  Shape sample_shape() const override { return {2}; }
  const Spiral* spiral() const override { return &spiral_; }

  void draw(uint64_t seed, uint32_t stream, uint64_t step, int64_t count, float* out) const override {
    HostRandom random(seed, stream, step);
    for (int64_t i = 0; i < count; ++i) {
      const double t = spiral_.start * (1 + 2 * random.uniform());
      const double x = t * std::cos(t) + spiral_.sigma * random.normal();
      const double y = t * std::sin(t) + spiral_.sigma * random.normal();
      *out++ = static_cast<float>(x / spiral_.scale);
      *out++ = static_cast<float>(y / spiral_.scale);
    }
  }

 private:
  Spiral spiral_{1.5 * std::numbers::pi, 0.25, 7.5};
};

}  // namespace

DatasetPtr swissroll() {
  return std::make_shared<const SwissRoll>();
}

extern const DatasetKind swissroll_kind;
const DatasetKind swissroll_kind{"swissroll", [](const DataConfig&) { return swissroll(); }};

}  // namespace kantor
