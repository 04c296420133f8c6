#include "tests/fused_pair.h"

#include "models/data/open_dataset.h"
#include "models/training/random_streams.h"
#include "models/training/trainer.h"
#include "tests/catch.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

namespace kantor::testing {

namespace {

class Unknown final : public Dataset {
 public:
  explicit Unknown(DatasetPtr data) : data_(std::move(data)) {}
  [[nodiscard]] std::string name() const override { return data_->name(); }
  [[nodiscard]] Shape sample_shape() const override { return data_->sample_shape(); }
  void draw(uint64_t seed, uint32_t stream, uint64_t step, int64_t count, float* out) const override {
    data_->draw(seed, stream, step, count, out);
  }

 private:
  DatasetPtr data_;
};

}  // namespace

DatasetPtr unknown(DatasetPtr data) {
  return std::make_shared<const Unknown>(std::move(data));
}

RunConfig small(const std::string& constraint, int64_t width, int64_t depth, int64_t batch) {
  RunConfig config;
  config.data.kind = "gaussians8";
  config.batch = batch;
  config.critic_steps = 2;
  config.constraint.kind = constraint;
  config.constraint.lambda = 0.7;
  config.constraint.clip = 0.05;
  config.generator.width = width;
  config.critic.width = width;
  config.generator.depth = config.critic.depth = depth;
  config.critic.learning_rate = config.generator.learning_rate = 1e-3;
  return config;
}

FusedPair::FusedPair(const RunConfig& of, int team, DatasetPtr from, int cluster, Arithmetic by)
    : FusedPair(of, {Fused::on, team, cluster, by}, std::move(from)) {}

FusedPair::FusedPair(const RunConfig& of, const FusedOptions& options, DatasetPtr from)
    : config(of),
      data(from ? std::move(from) : open_dataset(of.data)),
      arithmetic(options.arithmetic),
      critic(critic_layers(of, data->sample_shape()), data->sample_shape(), critic_options(of, simulator)),
      generator(generator_layers(of, data->sample_shape()), of.z, generator_options(of, simulator)),
      training({model()}, simulator, options) {}

MlpOutcome FusedPair::run(int64_t steps) {
  std::vector<float> real;
  for (int64_t k = 0; k < steps && !drawn_inside(*data); ++k) {
    const auto batch = data->draw(static_cast<uint64_t>(config.seed), stream_data, static_cast<uint64_t>(done + k),
                                  config.critic_steps * config.batch);
    real.insert(real.end(), batch.begin(), batch.end());
  }
  const auto outcomes = training.run(steps, {{done, real}});
  done += outcomes[0].done;
  return outcomes[0];
}

std::vector<float> FusedPair::bits() const {
  std::vector<float> all;
  const auto append = [&](const Arena& arena) {
    const auto values = arena.flat().to_vector<float>();
    all.insert(all.end(), values.begin(), values.end());
  };
  for (const TrainableNetwork* network : {&critic.trainable(), &generator.trainable()}) {
    append(network->network().parameters());
    for (const auto& [name, arena] : network->optimizer().state()) append(arena);
  }
  append(generator.average());
  return all;
}

static double largest(const std::vector<float>& values) {
  double most = 0;
  for (const float v : values) most = std::max(most, std::fabs(static_cast<double>(v)));
  return most;
}

double difference(const Arena& found, const Arena& expected) {
  const auto a = found.flat().to_vector<float>(), b = expected.flat().to_vector<float>();
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    most = std::max(most, std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  }
  return most / largest(b);
}

void compare_with_steps(const RunConfig& config, int64_t steps, double tolerance, Arithmetic arithmetic) {
  Trainer trainer(config, open_dataset(config.data), simulator);
  FusedPair fused(config, 0, nullptr, 0, arithmetic);
  const MlpOutcome outcome = fused.run(steps);
  REQUIRE(outcome.done == steps);
  for (int64_t k = 0; k < steps; ++k) {
    trainer.step();
    const StepLosses expected = trainer.losses();
    const float* found = &outcome.losses[static_cast<size_t>(4 * k)];
    INFO("step " << k);
    CHECK(std::fabs(found[0] - expected.critic_loss) <= tolerance * (1 + std::fabs(expected.critic_loss)));
    CHECK(std::fabs(found[1] - expected.generator_loss) <= tolerance * (1 + std::fabs(expected.generator_loss)));
    CHECK(std::fabs(found[2] - expected.critic_estimate) <= tolerance * (1 + std::fabs(expected.critic_estimate)));
    CHECK(std::fabs(found[3] - expected.penalty) <= tolerance * (1 + std::fabs(expected.penalty)));
  }
  const auto networks = {std::pair{&fused.critic.trainable(), &trainer.critic().trainable()},
                         std::pair{&fused.generator.trainable(), &trainer.generator().trainable()}};
  for (const auto& [mine, reference] : networks) {
    CHECK(difference(mine->network().parameters(), reference->network().parameters()) <= tolerance);
    CHECK(mine->optimizer().step().item() == reference->optimizer().step().item());
    for (size_t s = 0; s < mine->optimizer().state().size(); ++s) {
      INFO(mine->optimizer().state()[s].first);
      CHECK(difference(mine->optimizer().state()[s].second, reference->optimizer().state()[s].second) <= tolerance);
    }
  }
  CHECK(difference(fused.generator.average(), trainer.generator().average()) <= tolerance);
}

}  // namespace kantor::testing
