// Critics alone, fused into launches, on `sim`: against the recorded update, by every team, in launches of any length,
// side by side, and how they end.
#include "models/data/derived.h"
#include "models/data/distributions.h"
#include "models/data/open_dataset.h"
#include "models/training/critic_trainer.h"
#include "models/training/networks.h"
#include "models/training/random_streams.h"
#include "tests/catch.h"
#include "tests/fused_pair.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

using namespace kantor;
using namespace kantor::testing;

namespace {

/// The samples of `stream_data`, of which every draw has so many, in the reverse order.
class Reversed final : public Dataset {
 public:
  explicit Reversed(DatasetPtr data) : data_(std::move(data)) {}
  [[nodiscard]] std::string name() const override { return data_->name(); }
  [[nodiscard]] Shape sample_shape() const override { return data_->sample_shape(); }
  void draw(uint64_t seed, uint32_t /*stream*/, uint64_t step, int64_t count, float* out) const override {
    const std::vector<float> samples = data_->draw(seed, stream_data, step, count);
    for (int64_t k = 0; k < count; ++k) std::copy_n(&samples[static_cast<size_t>(2 * (count - 1 - k))], 2, out + 2 * k);
  }

 private:
  DatasetPtr data_;
};

/// Between data and data + noise.
struct Alone {
  Alone(const RunConfig& config, FusedOptions fused) : Alone(config, open_dataset(config.data), fused) {}
  Alone(const RunConfig& config, const DatasetPtr& real, FusedOptions fused, const DatasetPtr& fake = nullptr)
      : trainer(config, critic_layers(config, real->sample_shape()), real, fake ? fake : with_noise(real, 1), simulator,
                true, fused) {}

  /// Weights and optimizer state.
  [[nodiscard]] std::vector<float> bits() const {
    std::vector<float> all = trainer.critic().network().parameters().flat().to_vector<float>();
    for (const auto& [name, arena] : trainer.critic().trainable().optimizer().state()) {
      const auto values = arena.flat().to_vector<float>();
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  }

  CriticTrainer trainer;
};

void compare(const RunConfig& config, int64_t steps, double tolerance) {
  Alone fused(config, {Fused::on, 2}), recorded(config, {});
  CHECK(fused.trainer.fused_team() == 2);
  CHECK(recorded.trainer.fused_team() == 0);
  fused.trainer.steps(steps);
  recorded.trainer.steps(steps);
  const StepLosses found = fused.trainer.losses(), expected = recorded.trainer.losses();
  CHECK(std::fabs(found.critic_loss - expected.critic_loss) <= tolerance * (1 + std::fabs(expected.critic_loss)));
  CHECK(std::fabs(found.critic_estimate - expected.critic_estimate) <=
        tolerance * (1 + std::fabs(expected.critic_estimate)));
  CHECK(std::fabs(found.penalty - expected.penalty) <= tolerance * (1 + std::fabs(expected.penalty)));
  CHECK(found.generator_loss == 0);
  const TrainableNetwork &mine = fused.trainer.critic().trainable(), &reference = recorded.trainer.critic().trainable();
  CHECK(difference(mine.network().parameters(), reference.network().parameters()) <= tolerance);
  CHECK(mine.optimizer().step().item() == reference.optimizer().step().item());
  for (size_t s = 0; s < mine.optimizer().state().size(); ++s) {
    INFO(mine.optimizer().state()[s].first);
    CHECK(difference(mine.optimizer().state()[s].second, reference.optimizer().state()[s].second) <= tolerance);
  }
}

}  // namespace

TEST_CASE("fused critics: updates are the recorded ones to rounding, for every constraint") {
  for (const char* constraint : {"none", "clip", "penalty", "one-sided", "r1", "r2"}) {
    INFO(constraint);
    compare(small(constraint), 1, 2e-5);
    compare(small(constraint), 4, 2e-4);
  }
  RunConfig wide = small("penalty", 100, 2, 21);
  wide.data.kind = "swissroll";
  wide.critic.activation = "leaky_relu";
  wide.critic.optimizer = "rmsprop";
  compare(wide, 2, 1e-4);
}

TEST_CASE("fused critics: the kernel draws the samples that the host draws, to the bit") {
  RunConfig config = small("penalty", 16, 2, 21);
  config.seed = 1234567890123;
  const DatasetPtr ring = gaussians8(), roll = swissroll();
  const std::pair<DatasetPtr, DatasetPtr> between[] = {{ring, with_noise(ring, 1)},
                                                       {roll, with_noise(roll, 1)},
                                                       {gaussians25(), roll},
                                                       {with_noise(roll, 0.1), ring},
                                                       {with_noise(ring, 0.3), with_noise(roll, 2)}};
  for (const auto& [real, fake] : between) {
    INFO("between " << real->name() << " and " << fake->name());
    CHECK((drawn_inside(*real) && drawn_inside(*fake)));
    Alone drawn(config, real, {Fused::on, 2}, fake), given(config, unknown(real), {Fused::on, 1}, unknown(fake));
    for (const int64_t steps : {2, 3}) {
      const FusedSamples samples = drawn.trainer.next_samples(steps);
      CHECK((samples.real.empty() && samples.fake.empty()));
      drawn.trainer.steps(steps);
      given.trainer.steps(steps);
      CHECK(drawn.bits() == given.bits());
      CHECK(drawn.trainer.losses().critic_loss == given.trainer.losses().critic_loss);
    }
  }
  CHECK_FALSE(drawn_inside(*unknown(ring)));
  const DatasetPtr twice = with_noise(with_noise(ring, 1), 1), of_unknown = with_noise(unknown(ring), 1);
  CHECK_FALSE(drawn_inside(*twice));
  CHECK_FALSE(drawn_inside(*of_unknown));
  Alone fused(config, ring, {Fused::on, 2}, twice), recorded(config, ring, {}, twice);
  fused.trainer.steps(2);
  recorded.trainer.steps(2);
  CHECK(difference(fused.trainer.critic().network().parameters(), recorded.trainer.critic().network().parameters()) <=
        1e-4);
}

TEST_CASE("fused critics: between the same samples in another order every bias gradient is exactly 0") {
  for (const char* activation : {"relu", "leaky_relu"}) {
    for (const int64_t batch : {21, 40}) {
      INFO(activation << ", batch " << batch);
      RunConfig config = small("none", 16, 3, batch);
      config.critic.activation = activation;
      config.critic.initialization = "pytorch";  // biases that are not 0
      config.data.kind = "swissroll";
      const DatasetPtr real = swissroll();
      Alone fused(config, real, {Fused::on, 2}, std::make_shared<const Reversed>(real));
      const Arena& parameters = fused.trainer.critic().network().parameters();
      const auto biases = [&] {
        std::vector<float> all;
        for (size_t row = 1; row < parameters.rows().size(); row += 2) {
          const auto some = parameters.tensors()[row].to_vector<float>();
          all.insert(all.end(), some.begin(), some.end());
        }
        return all;
      };
      const std::vector<float> before = biases();
      fused.trainer.steps(3);
      CHECK(biases() == before);
    }
  }
}

TEST_CASE("fused critics: teams, launches of any length and single steps give the same bits") {
  const RunConfig config = small("penalty", 72, 3, 33);
  Alone whole(config, {Fused::on, 1});
  whole.trainer.steps(5);
  for (const int team : {2, 3, 8}) {
    Alone pieces(config, {Fused::on, team});
    pieces.trainer.steps(1);
    pieces.trainer.steps(3);
    pieces.trainer.step();
    INFO("team of " << team);
    CHECK(pieces.trainer.steps_done() == 5);
    CHECK(pieces.bits() == whole.bits());
  }
}

TEST_CASE("fused critics: critics of any pair of distributions are trained side by side with their own bits") {
  // Samples that the kernel draws, and some that the host does.
  RunConfig configs[] = {small("penalty"), small("clip"), small("r1")};
  configs[1].seed = 9;
  configs[1].critic.optimizer = "rmsprop";
  configs[2].critic.learning_rate = 3e-4;
  const DatasetPtr ring = gaussians8(), noisy = with_noise(ring, 0.5);
  const DatasetPtr real[] = {ring, swissroll(), unknown(noisy)}, fake[] = {nullptr, unknown(noisy), ring};
  std::vector<std::unique_ptr<Alone>> alone, beside;
  std::vector<FusedModel> models;
  std::vector<FusedSamples> samples;
  std::vector<FusedInput> inputs;
  for (size_t m = 0; m < 3; ++m) {
    alone.push_back(std::make_unique<Alone>(configs[m], real[m], FusedOptions{Fused::on}, fake[m]));
    alone.back()->trainer.steps(2);
    beside.push_back(std::make_unique<Alone>(configs[m], real[m], FusedOptions{Fused::on}, fake[m]));
    models.push_back(beside.back()->trainer.fused_model());
    samples.push_back(beside.back()->trainer.next_samples(2));
    CHECK(samples.back().real.empty() == (m != 2));
    CHECK(samples.back().fake.empty() == (m != 1));
  }
  for (const FusedSamples& of : samples) inputs.push_back({0, of.real, of.fake});
  FusedTraining training(models, simulator, {Fused::on, 4});
  const auto outcomes = training.run(2, inputs);
  for (size_t m = 0; m < 3; ++m) {
    INFO("model " << m);
    beside[m]->trainer.take(outcomes[m]);
    CHECK(beside[m]->trainer.steps_done() == 2);
    CHECK(beside[m]->bits() == alone[m]->bits());
    CHECK(beside[m]->trainer.losses().critic_loss == alone[m]->trainer.losses().critic_loss);
  }
}

TEST_CASE("fused critics: a launch ends after the first step that is not finite; what is not taken is refused") {
  RunConfig config = small("none");
  config.critic.optimizer = "sgd";
  config.critic.learning_rate = 1e12;
  Alone fused(config, {Fused::on}), recorded(config, {});
  CHECK_THROWS_AS(fused.trainer.steps(20), NonFiniteError);
  CHECK_THROWS_AS(recorded.trainer.steps(20), NonFiniteError);
  CHECK(fused.trainer.steps_done() == recorded.trainer.steps_done());
  CHECK_THROWS_WITH(Alone(small("spectral"), {Fused::on}),
                    "steps cannot be fused, because the constraint is spectral; take --fused auto or off");
  CHECK(Alone(small("spectral"), {Fused::automatic}).trainer.fused_team() == 0);
  // A generator that no kernel holds is of no concern.
  RunConfig wide = small("penalty");
  wide.generator.width = 500;
  CHECK(Alone(wide, {Fused::automatic}).trainer.fused_team() == 1);
}
