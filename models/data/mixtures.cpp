// Mixtures of Gaussians: the ring of 8 and the grid of 25 of the released WGAN-GP toy code, with its scales.
#include "engine/random.h"
#include "models/data/distributions.h"
#include "models/data/open_dataset.h"

#include <cmath>
#include <numbers>

namespace kantor {

namespace {

class Gaussians final : public Dataset {
 public:
  Gaussians(std::string name, Mixture mixture) : name_(std::move(name)), mixture_(std::move(mixture)) {}

  std::string name() const override { return name_; }
  Shape sample_shape() const override { return {2}; }
  const Mixture* mixture() const override { return &mixture_; }

  void draw(uint64_t seed, uint32_t stream, uint64_t step, int64_t count, float* out) const override {
    HostRandom random(seed, stream, step);
    for (int64_t i = 0; i < count; ++i) {
      const double* centre = &mixture_.centres[2 * static_cast<size_t>(random.below(mixture_.modes()))];
      for (int axis = 0; axis < 2; ++axis) *out++ = static_cast<float>(centre[axis] + mixture_.sigma * random.normal());
    }
  }

 private:
  std::string name_;
  Mixture mixture_;
};

}  // namespace

DatasetPtr gaussians8() {
  constexpr double scale = 1.414;
  Mixture mixture{{}, 0.02 / scale};
  for (int k = 0; k < 8; ++k) {
    const double angle = k * std::numbers::pi / 4;
    mixture.centres.insert(mixture.centres.end(), {2 * std::cos(angle) / scale, 2 * std::sin(angle) / scale});
  }
  return std::make_shared<const Gaussians>("gaussians8", std::move(mixture));
}

DatasetPtr gaussians25() {
  constexpr double scale = 2.828;
  Mixture mixture{{}, 0.05 / scale};
  for (const int x : {-4, -2, 0, 2, 4})
    for (const int y : {-4, -2, 0, 2, 4}) mixture.centres.insert(mixture.centres.end(), {x / scale, y / scale});
  return std::make_shared<const Gaussians>("gaussians25", std::move(mixture));
}

extern const DatasetKind gaussians8_kind, gaussians25_kind;
const DatasetKind gaussians8_kind{"gaussians8", [](const DataConfig&) { return gaussians8(); }};
const DatasetKind gaussians25_kind{"gaussians25", [](const DataConfig&) { return gaussians25(); }};

}  // namespace kantor
