// Sequences: the noisy sines' statistics, files of sequences, and an RNN critic trained on them.
#include "engine/rewrites.h"
#include "models/data/distributions.h"
#include "models/data/open_dataset.h"
#include "models/files/npy.h"
#include "models/training/config_toml.h"
#include "models/training/evaluation.h"
#include "models/training/networks.h"
#include "models/training/picture.h"
#include "models/training/presets.h"
#include "models/training/random_streams.h"
#include "models/training/trainer.h"
#include "tests/program.h"

#include <algorithm>
#include <cmath>
#include <numbers>

using namespace kantor;

namespace {

DataConfig sines(int64_t length) {
  DataConfig config;
  config.kind = "sequences";
  config.length = length;
  return config;
}

RunConfig small_run(const std::string& constraint) {
  RunConfig config = preset("sequences", constraint);
  config.data.length = 8;
  config.batch = 16;
  config.generator.width = config.critic.width = 8;
  return config;
}

}  // namespace

TEST_CASE("sequences: noisy sines of the stated frequencies") {
  constexpr int64_t count = 20'000, length = 16;
  const auto data = open_dataset(sines(length));
  CHECK(data->sample_shape() == Shape{length, 1});
  CHECK(data->batch_shape(3) == Shape{3, length, 1});
  CHECK_FALSE(data->is_image());
  CHECK_FALSE(data->is_plane());
  const std::vector<float> values = data->draw(1, 2, 3, count);
  // E x_t x_(t + k) = 1/2 E cos(2 pi f k), and the noise's variance at k = 0; f is uniform in [1/32, 1/8].
  for (const int64_t lag : {0, 1, 4, 8, 15}) {
    double mean = 0;
    for (int64_t i = 0; i < count; ++i) {
      mean += double{values[static_cast<size_t>(i * length)]} * values[static_cast<size_t>(i * length + lag)] / count;
    }
    const double low = 2 * std::numbers::pi * static_cast<double>(lag) / 32, high = 4 * low;
    const double expected = lag == 0 ? 0.5 + 0.01 : 0.5 * (std::sin(high) - std::sin(low)) / (high - low);
    INFO("lag " << lag);
    CHECK(mean == Approx(expected).margin(0.012));  // four standard errors: a product deviates by less than 0.4
  }
  const std::vector<float> few = data->draw(1, 2, 3, 10);
  CHECK(std::equal(few.begin(), few.end(), values.begin()));
  CHECK(data->draw(1, 2, 4, 10) != few);
  CHECK_THROWS_AS(sequences(0), ShapeError);
}

TEST_CASE("sequences: NPY of rank 3 is sequences") {
  const ProgramFolder folder;
  write_npy(folder / "s.npy", from_host<float>({1, 2, 3, 4, 5, 6}, {1, 3, 2}));
  const auto data = open_dataset({"file", folder / "s.npy"});
  CHECK(data->sample_shape() == Shape{3, 2});
  CHECK(data->draw(0, 0, 0, 1) == std::vector<float>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("sequences: an RNN critic trains on them under clipping and penalty, captured as well as eagerly") {
  const RewriteScope exact("exact");
  for (const char* constraint : {"clip", "penalty", "r1"}) {
    INFO(constraint);
    const RunConfig config = small_run(constraint);
    const auto data = open_dataset(config.data);
    Trainer captured(config, data), eager(config, data, {}, false);
    for (int step = 0; step < 6; ++step) {
      captured.step();
      eager.step();
    }
    CHECK(captured.critic().network().parameters().flat().to_vector<float>() ==
          eager.critic().network().parameters().flat().to_vector<float>());
    CHECK(captured.losses().critic_loss == eager.losses().critic_loss);
    CHECK(captured.generate(5, stream_pictures, 0).shape() == Shape{5, 8, 1});
    CHECK(evaluate_samples(captured, *data, {}).empty());
    const nlohmann::json critic = evaluate_critic(captured, *data);
    CHECK(critic["gradient_norm_mean"].get<double>() > 0);
    CHECK(draw_samples(captured, *data).width > 0);
  }
}

TEST_CASE("sequences: the gradient penalty pulls an RNN critic's gradient norm to 1") {
  RunConfig config = small_run("penalty");
  config.constraint.lambda = 10;
  const auto data = open_dataset(config.data);
  Trainer trainer(config, data);
  for (int step = 0; step < 150; ++step) trainer.step();
  CHECK(evaluate_critic(trainer, *data)["gradient_norm_mean"].get<double>() == Approx(1).margin(0.25));
}

TEST_CASE("sequences: an rnn critic elsewhere, or with a norm, is refused") {
  RunConfig config = preset("ring8", "penalty");
  config.critic.network = "rnn";
  CHECK_THROWS_AS(critic_layers(config, {2}), ConfigError);
  CHECK_THROWS_WITH(critic_layers(config, {2}), Contains("samples are [2], expected sequences [T, D]"));
  config.critic.norm = "layer";
  CHECK_THROWS_WITH(validate(config), Contains("an rnn critic takes none"));
  CHECK_THROWS_AS(apply_setting(config, "generator.network=rnn"), ConfigError);
  CHECK_THROWS_AS(apply_setting(config, "data.length=65"), ConfigError);
}

TEST_CASE("sequences: the program trains on them, samples them and draws from the data") {
  const ProgramFolder folder;
  const std::string run = folder / "run";
  const ProgramResult result =
      run_kantor(tiny_training(run, {"--preset", "sequences", "--set", "data.length=8", "--set", "train.steps=4",
                                     "--set", "checkpoint.every=2"}));
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK(lines_of(run).back()["step"] == 4);
  REQUIRE(run_kantor({"sample", newest(run).string(), "--count", "7", "--out", folder / "s.npy"}).code == 0);
  CHECK(read_npy(folder / "s.npy").shape() == Shape{7, 8, 1});
  REQUIRE(run_kantor({"data", "sequences", "--count", "9", "--out", folder / "d.npy"}).code == 0);
  CHECK(read_npy(folder / "d.npy").shape() == Shape{9, 32, 1});
}
