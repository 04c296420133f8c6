// Training curves of the studies: the same evaluations whether steps are fused, as on `sim`, or recorded, as on the
// CPU.
#include "models/studies/framework/curve_run.h"
#include "tests/catch.h"
#include "tests/fused_pair.h"

using namespace kantor;
using namespace kantor::testing;

namespace {

/// W1 along a training in the plane, trained alone.
class Approach final : public PlaneRun {
 public:
  Approach(const RunConfig& config, Device device) : PlaneRun(config, {device}, 2) {}
  [[nodiscard]] nlohmann::json numbers(const TrainingCurve& found) override {
    curve = found;
    return {};
  }
  TrainingCurve curve;
};

TrainingCurve train_in_plane(const RunConfig& config, Device device) {
  Approach run(config, device);
  (void)train_alone(run);
  return run.curve;
}

}  // namespace

TEST_CASE("training curve: fused steps are evaluated at the same steps, with the same numbers to rounding") {
  RunConfig config = small("penalty", 16, 2);
  config.steps = 7;
  config.eval_every = 3;
  config.eval_samples = 64;
  const TrainingCurve recorded = train_in_plane(config, Device{}), fused = train_in_plane(config, simulator);
  CHECK(fused.steps == std::vector<int64_t>{0, 3, 6});
  CHECK(fused.steps == recorded.steps);
  const std::vector<double> expected = recorded.along("w1"), found = fused.along("w1");
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) CHECK(found[i] == Approx(expected[i]).epsilon(1e-3));
  CHECK(found.back() != found.front());
}

TEST_CASE("training curve: a fused training that diverges is an outcome, evaluated until then") {
  RunConfig config = small("none", 8, 2);
  config.steps = 40;
  config.eval_every = 1;
  config.eval_samples = 16;
  config.critic.optimizer = "sgd";
  config.critic.learning_rate = 1e12;
  const TrainingCurve curve = train_in_plane(config, simulator);
  CHECK(curve.diverged);
  CHECK(curve.steps.size() < 40);
}
