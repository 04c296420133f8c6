// Sequences: sines of random frequency and phase with noise, for critics that read a sample step by step.
#include "engine/error.h"
#include "engine/random.h"
#include "models/data/distributions.h"
#include "models/data/open_dataset.h"

#include <cmath>
#include <fmt/format.h>
#include <numbers>

namespace kantor {

namespace {

// Periods of 8 to 32 steps whatever the length: a longer sequence is more of the same signal, not another one.
constexpr double slowest = 1.0 / 32, fastest = 1.0 / 8;
constexpr double noise = 0.1;

class Sequences final : public Dataset {
 public:
  explicit Sequences(int64_t length) : length_(length) {}

  std::string name() const override { return fmt::format("sequences of {}", length_); }
  Shape sample_shape() const override { return {length_, 1}; }

  void draw(uint64_t seed, uint32_t stream, uint64_t step, int64_t count, float* out) const override {
    HostRandom random(seed, stream, step);
    for (int64_t i = 0; i < count; ++i) {
      const double frequency = slowest + (fastest - slowest) * random.uniform(), phase = random.uniform();
      for (int64_t t = 0; t < length_; ++t) {
        const double angle = 2 * std::numbers::pi * (frequency * static_cast<double>(t) + phase);
        *out++ = static_cast<float>(std::sin(angle) + noise * random.normal());
      }
    }
  }

 private:
  int64_t length_;
};

}  // namespace

DatasetPtr sequences(int64_t length) {
  if (length < 1) throw ShapeError(fmt::format("sequences of {} steps: expected at least 1", length));
  return std::make_shared<const Sequences>(length);
}

extern const DatasetKind sequences_kind;
const DatasetKind sequences_kind{"sequences", [](const DataConfig& config) { return sequences(config.length); }};

}  // namespace kantor
