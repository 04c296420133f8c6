#include "models/training/fused_check.h"

#include "engine/verification.h"
#include "models/data/derived.h"
#include "models/data/open_dataset.h"
#include "models/training/critic_trainer.h"
#include "models/training/networks.h"
#include "models/training/trainer.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <string_view>

namespace kantor {
namespace {

/// What Adam may make of rounding in two steps, as a part of the largest weight.
constexpr double tolerance = 1e-4;

double difference(const Arena& found, const Arena& expected) {
  const auto a = found.flat().to_vector<double>(), b = expected.flat().to_vector<double>();
  double most = 0, largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    most = std::max(most, std::isfinite(a[i]) ? std::fabs(a[i] - b[i]) : HUGE_VAL);
    largest = std::max(largest, std::fabs(b[i]));
  }
  return most / largest;
}

/// Two steps by each; returns how far apart the critics are.
template <class Training>
double critics_apart(Training& fused, Training& recorded) {
  fused.steps(2);
  recorded.steps(2);
  return difference(fused.critic().network().parameters(), recorded.critic().network().parameters());
}

/// Of a critic alone.
std::string check_critic(const RunConfig& config, Device device, int team, Arithmetic arithmetic) {
  const DatasetPtr real = open_dataset(config.data), fake = with_noise(real, 1);
  const nlohmann::json layers = critic_layers(config, real->sample_shape());
  CriticTrainer fused(config, layers, real, fake, device, true, {Fused::on, team, arithmetic});
  CriticTrainer recorded(config, layers, real, fake, device);
  const double apart = critics_apart(fused, recorded);
  if (apart <= tolerance) return "";
  return fmt::format(
      "two updates of a critic alone, of width {} and batch {} under {} by a team of {}: weights differ by {:.1e} of "
      "the largest, expected at most {:.0e}",
      config.critic.width, config.batch, config.constraint.kind, team, apart, tolerance);
}

std::string check(const RunConfig& config, Device device, int team, Arithmetic arithmetic) {
  Trainer fused(config, open_dataset(config.data), device, true, {Fused::on, team, arithmetic});
  Trainer recorded(config, open_dataset(config.data), device);
  const double of_critic = critics_apart(fused, recorded);
  const double of_generator =
      difference(fused.generator().network().parameters(), recorded.generator().network().parameters());
  if (of_critic <= tolerance && of_generator <= tolerance) return check_critic(config, device, team, arithmetic);
  return fmt::format(
      "two steps of width {} and batch {} under {} by a team of {}: weights differ by {:.1e} and {:.1e} "
      "of the largest, expected at most {:.0e}",
      config.critic.width, config.batch, config.constraint.kind, team, of_critic, of_generator, tolerance);
}

}  // namespace

std::string check_fused_training(Device device, Arithmetic arithmetic) {
  // Three products differ in products alone, all of which the penalty takes, and are slow on the simulator.
  const bool by_three = arithmetic == Arithmetic::three_tf32;
  for (const char* constraint : {"penalty", "clip"}) {
    if (by_three && std::string_view(constraint) == "clip") continue;
    for (const int64_t width : {64, 128, 256}) {
      for (const int team : {1, 8, 16}) {  // a block, a cluster, and two of them, where the GPU has clusters
        RunConfig config;
        config.constraint.kind = constraint;
        config.constraint.clip = 0.1;
        config.constraint.lambda = 0.1;
        config.critic.width = config.generator.width = width;
        config.batch = width > 128 ? 16 : by_three ? 32 : 64;
        std::string finding = check(config, device, team, arithmetic);
        if (!finding.empty()) return finding;
      }
    }
  }
  return "";
}

std::string fused_check_name(Arithmetic arithmetic) {
  return arithmetic == Arithmetic::three_tf32 ? "fused steps by three TF32 products" : "fused steps";
}

std::string fused_training_finding(Device device, Arithmetic arithmetic, bool anew) {
  if (device.kind == Device::Kind::sim && !anew) return "";
  return remembered_finding(
      device, fused_check_name(arithmetic), [&] { return check_fused_training(device, arithmetic); }, anew);
}

}  // namespace kantor
