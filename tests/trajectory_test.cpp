// One trajectory on every device: 20 training steps, eager and replayed, MLP and convolution, penalties, clipping and
// parametrized critics.
#include "engine/random.h"
#include "engine/rewrites.h"
#include "models/files/npy.h"
#include "models/training/presets.h"
#include "models/training/trainer.h"
#include "tests/catch.h"
#include "tests/program.h"

#include <algorithm>
#include <cmath>

using namespace kantor;

namespace {

RunConfig small(const std::string& name, const std::string& constraint) {
  RunConfig config = preset(name, constraint);
  config.batch = 8;
  config.critic_steps = 2;
  for (NetworkConfig* net : {&config.generator, &config.critic}) {
    net->width = 24;
    net->dim = 2;
  }
  return config;
}

struct Trajectory {
  std::vector<double> losses;
  std::vector<double> weights;
  std::vector<std::byte> checkpoint;
};

/// 20 steps for the constraints of the published runs. The others need many launches, and a few steps are enough.
int steps_of(const RunConfig& config) {
  return config.constraint.kind == "clip" || config.constraint.kind == "penalty" ? 20 : 5;
}

Trajectory run(const RunConfig& config, Device device, bool capture = true) {
  const auto data = open_dataset(config.data);
  Trainer trainer(config, data, device, capture);
  Trajectory result;
  for (int step = 0; step < steps_of(config); ++step) {
    trainer.step();
    const StepLosses losses = trainer.losses();
    result.losses.insert(result.losses.end(), {losses.critic_loss, losses.generator_loss});
  }
  // Batch norm takes the bias before it away: its gradient is rounding alone, which RMSProp blows up to full steps.
  const Network& critic = trainer.critic().network();
  for (size_t i = 0; i < critic.parameters().rows().size(); ++i) {
    if (critic.has_batch_norm() && critic.roles()[i].bias) continue;
    const auto values = critic.parameters().tensors()[i].to_vector<double>();
    result.weights.insert(result.weights.end(), values.begin(), values.end());
  }
  result.checkpoint = encode_safetensors(trainer.checkpoint());
  return result;
}

/// A file of 32 pictures of 28x28: a bright patch on a dim ground, each elsewhere.
std::string images() {
  HostRandom random(3, 1);
  std::vector<float> pixels;
  for (int picture = 0; picture < 32; ++picture) {
    const int64_t left = random.below(18), top = random.below(18);
    for (int64_t y = 0; y < 28; ++y) {
      for (int64_t x = 0; x < 28; ++x) {
        const bool inside = x >= left && x < left + 10 && y >= top && y < top + 10;
        pixels.push_back(static_cast<float>((inside ? 0.7 : 0.1) + 0.2 * random.uniform()));
      }
    }
  }
  static const ProgramFolder folder;
  const std::string path = folder / "images.npy";
  write_npy(path, from_host(pixels, {32, 1, 28, 28}));
  return path;
}

std::vector<RunConfig> variety() {
  std::vector<RunConfig> configs;
  for (const char* constraint : {"clip", "penalty", "dragan", "spectral", "weight-norm", "groupsort"}) {
    configs.push_back(small("ring8", constraint));
  }
  configs.push_back(small("ring8", "groupsort"));
  configs.back().constraint.sort_group = 0;
  configs.push_back(small("ring8", "spectral"));
  configs.back().constraint.spectral_detached = true;
  configs.push_back(small("swissroll", "clip"));
  configs.back().critic.norm = configs.back().generator.norm = "batch";
  configs.push_back(small("swissroll", "penalty"));
  configs.back().critic.norm = "layer";
  for (const char* constraint : {"spectral", "clip", "penalty"}) {
    configs.push_back(small("fashion-small", constraint));
    configs.back().data = {"file", images()};
    // The published rate: RMSProp's first step is ten rates wide, at 5e-4 half the box of c = 0.01, and there a
    // rounding at a kink of LeakyReLU decides where a weight goes.
    configs.back().generator.learning_rate = configs.back().critic.learning_rate = 5e-5;
  }
  return configs;
}

/// Losses within 1e-3 of their scale, weights within 1e-3 of their norm: never elementwise, Adam flips signs of tiny
/// gradients.
void follow_the_cpu(Device device) {
  for (const RunConfig& config : variety()) {
    INFO(config.name << " " << config.constraint.kind << ", norm " << config.critic.norm);
    const Trajectory host = run(config, {});
    const RewriteScope exact("exact");
    const Trajectory there = run(config, device);
    double scale = 0, apart = 0, norm = 0;
    for (const double loss : host.losses) scale = std::max(scale, std::abs(loss));
    for (size_t i = 0; i < host.losses.size(); ++i) CHECK(std::abs(host.losses[i] - there.losses[i]) <= 1e-3 * scale);
    for (size_t i = 0; i < host.weights.size(); ++i) {
      apart += (host.weights[i] - there.weights[i]) * (host.weights[i] - there.weights[i]);
      norm += host.weights[i] * host.weights[i];
    }
    CHECK(std::sqrt(apart) <= 1e-3 * std::sqrt(norm));
    const bool same_bits = run(config, device, false).checkpoint == there.checkpoint;
    CHECK(same_bits);  // of eager execution and replay
  }
}

}  // namespace

TEST_CASE("sim: 20 training steps follow the CPU's, and replay gives the bits of eager execution") {
  follow_the_cpu({Device::Kind::sim, 0});
}

TEST_CASE("cuda: 20 training steps follow the CPU's, and replay gives the bits of eager execution") {
  const Device gpu{Device::Kind::cuda, 0};
  if (const std::string reason = why_unavailable(gpu); !reason.empty()) {
    WARN("not run: " << reason);
    return;
  }
  follow_the_cpu(gpu);
}
