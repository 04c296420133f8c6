#include "tools/lab/engine/settings.h"

#include "models/training/config_toml.h"
#include "models/training/presets.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <string_view>

namespace kantor::lab {
namespace {

/// Keys that have no meaning on the page: names and files, networks of pictures and sequences, what a run writes when.
constexpr std::array<std::string_view, 14> not_offered{
    "name",          "data.path",      "data.length",  "train.steps",     "generator.network",
    "generator.dim", "critic.network", "critic.dim",   "groupsort.group", "log.every",
    "eval.every",    "eval.samples",   "sample.every", "checkpoint.every"};

void set(RunConfig& config, const ConfigField& field, const json& value) {
  const bool word = std::holds_alternative<std::string>(field.get(config));
  if (value.is_boolean()) {
    field.set(config, value.get<bool>());
  } else if (value.is_number_integer()) {
    field.set(config, value.get<int64_t>());
  } else if (value.is_number()) {
    const auto number = value.get<double>();
    // JavaScript has one type of number: 5.0 is a whole one where the field holds one.
    if (std::holds_alternative<int64_t>(field.get(config)) && number == std::floor(number)) {
      field.set(config, static_cast<int64_t>(number));
    } else {
      field.set(config, number);
    }
  } else if (value.is_string() && word) {
    field.set(config, value.get<std::string>());
  } else if (value.is_string()) {
    apply_setting(config, field.key + "=" + value.get<std::string>());
  } else {
    throw ConfigError(fmt::format("{} = {}: expected a number, a text, true or false", field.key, value.dump()));
  }
}

void check_size(const RunConfig& config) {
  for (const ConfigField& field : config_fields()) {
    const std::optional<double> most = most_in_the_lab(field.key);
    if (!most) continue;
    const ConfigValue value = field.get(config);
    if (const auto* number = std::get_if<int64_t>(&value); number && static_cast<double>(*number) > *most) {
      throw ConfigError(
          fmt::format("{} = {}: the lab takes at most {}; `kantor train` takes more", field.key, *number, *most));
    }
  }
}

}  // namespace

bool is_offered(const ConfigField& field) {
  return std::find(not_offered.begin(), not_offered.end(), field.key) == not_offered.end();
}

std::optional<double> most_in_the_lab(const std::string& key) {
  if (key.ends_with(".width")) return 512;
  if (key.ends_with(".depth")) return 16;
  if (key == "train.batch") return 2048;
  if (key == "train.critic_steps") return 100;
  if (key == "generator.z") return 256;
  if (key == "train.seed") return 0x1p53;  // what JavaScript's numbers hold exactly
  return std::nullopt;
}

RunConfig starting_point(const std::string& name, const std::string& constraint) {
  RunConfig config = preset(name, constraint);
  config.generator.width = config.critic.width = 32;
  config.batch = 128;
  return config;
}

void set_keys(RunConfig& config, const json& settings) {
  for (const auto& [key, value] : settings.items()) set(config, find_field(key), value);
}

RunConfig read_settings(const json& settings, std::vector<std::string>& warnings) {
  RunConfig config;
  if (settings.is_string()) {
    apply_toml(config, settings.get<std::string>(), "config.toml", &warnings);
  } else if (settings.is_object()) {
    config = starting_point(settings.value("preset", "ring8"), settings.value("critic.constraint", ""));
    for (const auto& [key, value] : settings.items()) {
      if (key != "preset") set(config, find_field(key), value);
    }
  } else {
    throw ConfigError(fmt::format("a configuration is {}: expected keys and values, or a TOML text", settings.dump()));
  }
  check_size(config);
  validate(config);
  return config;
}

json to_json(const ConfigValue& value) {
  return std::visit([](const auto& held) { return json(held); }, value);
}

json offered_values(const RunConfig& config) {
  json values = json::object();
  for (const ConfigField& field : config_fields()) {
    if (is_offered(field)) values[field.key] = to_json(field.get(config));
  }
  return values;
}

}  // namespace kantor::lab
