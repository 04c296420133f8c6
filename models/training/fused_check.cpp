#include "models/training/fused_check.h"

#include "engine/mlp_training.h"
#include "engine/verification.h"
#include "models/data/derived.h"
#include "models/data/open_dataset.h"
#include "models/training/critic_trainer.h"
#include "models/training/fused_training.h"
#include "models/training/networks.h"
#include "models/training/trainer.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>
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

Arithmetic arithmetic_of(FusedPart part) {
  return part == FusedPart::three_tf32 ? Arithmetic::three_tf32 : Arithmetic::float32;
}

/// A team as a training is checked with.
struct CheckedTeam {
  Device device;
  int blocks;
  FusedPart part;
};

/// How a training like `recorded` is fused by the team; nullopt where no cluster of it fits on the device.
template <class Training>
std::optional<FusedOptions> options_of(Training& recorded, const CheckedTeam& team) {
  FusedOptions options{Fused::on, team.blocks, 1, arithmetic_of(team.part)};
  if (team.part != FusedPart::clusters) return options;
  options.cluster = MlpTrainer(team.device, fused_launch(recorded.fused_model()), team.blocks).cluster();
  return options.cluster > 1 ? std::optional(options) : std::nullopt;
}

std::string text_of(const FusedOptions& options) {
  return fmt::format("a team of {}", options.team) +
         (options.cluster > 1 ? fmt::format(" in clusters of {}", options.cluster) : "");
}

/// Of a critic alone.
std::string check_critic(const RunConfig& config, const CheckedTeam& team) {
  const DatasetPtr real = open_dataset(config.data), fake = with_noise(real, 1);
  const nlohmann::json layers = critic_layers(config, real->sample_shape());
  CriticTrainer recorded(config, layers, real, fake, team.device);
  const std::optional<FusedOptions> options = options_of(recorded, team);
  if (!options) return "";
  CriticTrainer fused(config, layers, real, fake, team.device, true, *options);
  const double apart = critics_apart(fused, recorded);
  if (apart <= tolerance) return "";
  return fmt::format(
      "two updates of a critic alone, of width {} and batch {} under {} by {}: weights differ by {:.1e} of the "
      "largest, expected at most {:.0e}",
      config.critic.width, config.batch, config.constraint.kind, text_of(*options), apart, tolerance);
}

std::string check(const RunConfig& config, const CheckedTeam& team) {
  Trainer recorded(config, open_dataset(config.data), team.device);
  const std::optional<FusedOptions> options = options_of(recorded, team);
  if (!options) return "";
  Trainer fused(config, open_dataset(config.data), team.device, true, *options);
  const double of_critic = critics_apart(fused, recorded);
  const double of_generator =
      difference(fused.generator().network().parameters(), recorded.generator().network().parameters());
  if (of_critic <= tolerance && of_generator <= tolerance) return check_critic(config, team);
  return fmt::format(
      "two steps of width {} and batch {} under {} by {}: weights differ by {:.1e} and {:.1e} of the largest, expected "
      "at most {:.0e}",
      config.critic.width, config.batch, config.constraint.kind, text_of(*options), of_critic, of_generator, tolerance);
}

}  // namespace

std::string name_of(FusedPart part) {
  switch (part) {
    case FusedPart::blocks:
      return "fused steps";
    case FusedPart::clusters:
      return "fused steps in clusters";
    case FusedPart::three_tf32:
      return "fused steps by three TF32 products";
  }
  return "";
}

std::string why_absent(Device device, FusedPart part) {
  if (part == FusedPart::clusters) return MlpTrainer::has_clusters(device) ? "" : "no clusters here";
  return why_absent(device, {arithmetic_of(part)});
}

std::string check_fused_training(Device device, FusedPart part) {
  if (!why_absent(device, part).empty()) return "";
  const bool clusters = part == FusedPart::clusters;
  for (const char* constraint : {"penalty", "clip"}) {
    // Clusters and three products change nothing but how things are exchanged and multiplied, all of which the penalty
    // does.
    if (part != FusedPart::blocks && std::string_view(constraint) == "clip") continue;
    for (const int64_t width : {64, 128, 256}) {
      for (const int team : {clusters ? 16 : 1, 8}) {  // two clusters, or a block, and one cluster, or eight blocks
        RunConfig config;
        config.constraint.kind = constraint;
        config.constraint.clip = 0.1;
        config.constraint.lambda = 0.1;
        config.critic.width = config.generator.width = width;
        config.batch = width > 128 ? 16 : 32;
        std::string finding = check(config, {device, team, part});
        if (!finding.empty()) return finding;
      }
    }
  }
  return "";
}

FusedPart fused_part(Arithmetic arithmetic) {
  return arithmetic == Arithmetic::three_tf32 ? FusedPart::three_tf32 : FusedPart::blocks;
}

std::string fused_training_finding(Device device, FusedPart part, bool anew) {
  if (!why_absent(device, part).empty()) return "";
  const bool checks = anew || device.kind != Device::Kind::sim;
  return remembered_finding(
      device, name_of(part), [&] { return checks ? check_fused_training(device, part) : ""; }, anew);
}

int fused_cluster(Device device) {
  return fused_training_finding(device, FusedPart::clusters).empty() ? 0 : 1;
}

}  // namespace kantor
