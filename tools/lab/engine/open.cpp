// Opens models: their configurations, the data that they share, and what the page shows of both.
#include "models/data/samples_in_memory.h"
#include "models/files/csv.h"
#include "models/training/config_toml.h"
#include "models/training/random_streams.h"
#include "tools/lab/engine/layers.h"
#include "tools/lab/engine/session.h"
#include "tools/lab/engine/settings.h"

#include <cmath>
#include <fmt/format.h>
#include <span>

namespace kantor::lab {
namespace {

constexpr int64_t shown_points = 256, fewest_points = 16, most_points = 200'000;

DatasetPtr from_points(std::vector<float> values) {
  const auto points = static_cast<int64_t>(values.size() / 2);
  if (values.size() % 2 != 0 || points < fewest_points || points > most_points) {
    throw Error(
        fmt::format("{} numbers: expected x and y of {} to {} points", values.size(), fewest_points, most_points));
  }
  for (const float value : values) {
    if (!std::isfinite(value)) throw Error("one of the points is infinite or no number");
  }
  return std::make_shared<const SamplesInMemory<float>>("points", Shape{2}, std::move(values), "points x, y");
}

/// Columns x, y of a table; a row of names above is allowed.
DatasetPtr from_csv(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  const Tensor table = parse_csv(bytes, "the table");
  if (table.shape()[1] != 2) {
    throw Error(fmt::format("the table has {} columns, expected two: x and y of each point", table.shape()[1]));
  }
  return from_points(table.to_vector<float>());
}

std::vector<std::string> warnings_about(const Trainer& trainer) {
  std::vector<std::string> warnings;
  const Constraint& constraint = trainer.critic().constraint();
  if (constraint.per_sample() && trainer.critic().network().has_batch_norm()) {
    warnings.emplace_back(
        "Batch norm mixes the samples of a batch, so that a score depends on the others: the gradient that the penalty "
        "holds at 1 is not the critic's own. Layer norm does not.");
  }
  if (constraint.per_layer() && trainer.config().critic.norm != "none") {
    warnings.emplace_back("The constraint bounds each layer by itself; a normalization between them is not bounded.");
  }
  return warnings;
}

json describe_arm(const Trainer& trainer, const std::vector<std::string>& warnings) {
  const RunConfig& config = trainer.config();
  json all = warnings, layers = json::array();
  for (const std::string& warning : warnings_about(trainer)) all.push_back(warning);
  for (const UnitLayer& layer : unit_layers(trainer.critic().network())) {
    layers.push_back({{"name", layer.name}, {"units", layer.units}});
  }
  std::string title;
  for (const std::string& part : constraint_parts(config.constraint.kind)) {
    for (const ConstraintKind& kind : constraint_table()) {
      if (part == kind.name) title += (title.empty() ? "" : " + ") + std::string(kind.title);
    }
  }
  return {{"title", title},
          {"values", offered_values(config)},
          {"toml", to_toml(config)},
          {"parameters", trainer.critic().network().parameters().parameter_count() +
                             trainer.generator().network().parameters().parameter_count()},
          {"warnings", std::move(all)},
          {"layers", std::move(layers)}};
}

/// The points of the request, or null: then the configurations name the data.
DatasetPtr given_points(const json& request) {
  if (request.contains("points")) return from_points(request["points"].get<std::vector<float>>());
  if (request.contains("csv")) return from_csv(request["csv"].get<std::string>());
  return nullptr;
}

RunConfig read_arm(const json& settings, const Dataset* points, std::vector<std::string>& warnings) {
  RunConfig config = read_settings(settings, warnings);
  if (points == nullptr) return config;
  config.data = {"file", "points.csv"};
  config.name = "points";
  if (config.batch > points->size()) {
    config.batch = points->size();
    warnings.push_back(fmt::format("The batch is {} samples: there are not more points.", config.batch));
  }
  return config;
}

}  // namespace

void open(Session& session, const json& request, Answer& answer) {
  const json arms = request.value("arms", json::array());
  if (!arms.is_array() || arms.empty() || arms.size() > 2) throw Error("arms: expected one or two configurations");
  const DatasetPtr points = given_points(request);
  std::vector<RunConfig> configs;
  std::vector<std::vector<std::string>> warnings(arms.size());
  for (size_t i = 0; i < arms.size(); ++i) {
    try {
      configs.push_back(read_arm(arms[i], points.get(), warnings[i]));
    } catch (const Error& error) {
      throw ArmError(i, error.what());
    }
    if (configs[i].data.kind != configs[0].data.kind) {
      throw ArmError(i, fmt::format("data.kind is {} here and {} in the other model: both train on the same data",
                                    configs[i].data.kind, configs[0].data.kind));
    }
  }
  session.open(configs, points ? points : open_dataset(configs[0].data));

  json described = json::array();
  for (size_t i = 0; i < arms.size(); ++i) described.push_back(describe_arm(*session.arms()[i].trainer, warnings[i]));
  const double reach = session.reach();
  const Dataset& data = session.data();
  const Mixture* mixture = data.mixture();
  answer.fields = {{"arms", std::move(described)},
                   {"box", {-reach, reach, -reach, reach}},
                   {"modes", mixture ? mixture->modes() : 0},
                   {"sigma", mixture ? mixture->sigma : 0.0}};
  answer.arrays["real"] = data.draw(static_cast<uint64_t>(configs[0].seed), stream_pictures, 0, shown_points);
  auto& centres = answer.arrays["centres"];
  if (mixture) centres.assign(mixture->centres.begin(), mixture->centres.end());
}

void change(Session& session, const json& request, Answer& answer) {
  const json asked = request.value("arms", json::array());
  const std::vector<Arm>& arms = session.arms();
  if (!asked.is_array() || asked.size() != arms.size()) {
    throw Error(fmt::format("arms: expected keys and values for each of the {} models", arms.size()));
  }
  std::vector<RunConfig> configs;
  for (size_t i = 0; i < arms.size(); ++i) {
    configs.push_back(arms[i].trainer->config());
    try {
      set_keys(configs[i], asked[i]);
    } catch (const Error& error) {
      throw ArmError(i, error.what());
    }
  }
  session.change(configs);
  json described = json::array();
  for (const Arm& arm : arms)
    described.push_back({{"values", offered_values(arm.trainer->config())}, {"toml", to_toml(arm.trainer->config())}});
  answer.fields = {{"step", session.steps_done()}, {"arms", std::move(described)}};
}

}  // namespace kantor::lab
