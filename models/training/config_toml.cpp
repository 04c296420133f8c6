#include "models/training/config_toml.h"

#include "models/training/config_fields.h"

#include <algorithm>
#include <fmt/format.h>
#include <toml++/toml.h>

namespace kantor {
namespace {

std::string section_of(const std::string& key) {
  const size_t dot = key.find('.');
  return dot == std::string::npos ? "" : key.substr(0, dot);
}

/// Parses a text that is not nested deeply: toml++ and what reads its tables recurse. Dots nest too ("a.b.c = 1").
toml::table parse_toml(std::string_view text, const std::string& source) {
  constexpr std::ptrdiff_t most_brackets = 10'000, most_dots = 1000;
  bool deep = std::count(text.begin(), text.end(), '[') > most_brackets;
  for (auto line = text.begin(); line != text.end() && !deep;) {
    const auto end = std::find(line, text.end(), '\n');
    deep = std::count(line, end, '.') > most_dots;
    line = end == text.end() ? end : end + 1;
  }
  if (deep) throw ConfigError(source + ": nested too deep for a configuration");
  return toml::parse(text);
}

/// A key or a value that had another name in the version before this one.
struct Renamed {
  std::string key, value;          // as they were; an empty value stands for any
  std::string new_key, new_value;  // as they are
};

const std::vector<Renamed>& renamed() {
  static const std::vector<Renamed> table{
      {"generator.average", "", "generator.ema_decay", ""},
      {"generator.initialization", "box", "generator.initialization", "uniform"},
      {"critic.initialization", "box", "critic.initialization", "uniform"},
  };
  return table;
}

using Warnings = std::vector<std::string>*;

/// Applies a value under the names of today.
void apply_value(RunConfig& config, const std::string& given, const toml::node& node, Warnings warnings) {
  std::string key = given;
  for (const Renamed& was : renamed()) {
    if (was.key != given) continue;
    if (was.value.empty()) {
      key = was.new_key;
      if (warnings)
        warnings->push_back(fmt::format("{} is called {} now; the old name goes with the next version", given, key));
    } else if (node.value<std::string>() == was.value) {
      if (warnings) {
        warnings->push_back(fmt::format("{} = {} is called {} now; the old name goes with the next version", given,
                                        was.value, was.new_value));
      }
      return find_field(key).set(config, was.new_value);
    }
  }
  const ConfigField& field = find_field(key);
  if (const auto* on = node.as_boolean()) return field.set(config, on->get());
  if (const auto* whole = node.as_integer()) return field.set(config, int64_t{whole->get()});
  if (const auto* real = node.as_floating_point()) return field.set(config, real->get());
  if (const auto* text = node.as_string()) return field.set(config, text->get());
  throw ConfigError(fmt::format("{}: expected a number, true, false or a text", key));
}

void apply_table(RunConfig& config, const toml::table& table, const std::string& prefix, const std::string& source,
                 Warnings warnings) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix + std::string(name.str());
    if (const auto* inner = node.as_table()) {
      apply_table(config, *inner, key + ".", source, warnings);
      continue;
    }
    try {
      apply_value(config, key, node, warnings);
    } catch (const ConfigError& error) {
      throw ConfigError(fmt::format("{}:{}: {}", source, node.source().begin.line, error.what()));
    }
  }
}

}  // namespace

void apply_toml(RunConfig& config, std::string_view text, const std::string& source, Warnings warnings) {
  try {
    apply_table(config, parse_toml(text, source), "", source, warnings);
  } catch (const toml::parse_error& error) {
    throw ConfigError(fmt::format("{}:{}: {}", source, error.source().begin.line, error.description()));
  }
}

void apply_setting(RunConfig& config, const std::string& setting, Warnings warnings) {
  const size_t equals = setting.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw ConfigError(fmt::format("--set {}: expected KEY=VALUE, such as train.steps=2000", setting));
  }
  const std::string key = setting.substr(0, equals), value = setting.substr(equals + 1);
  toml::table table;
  try {
    table = parse_toml("value = " + value, "--set");
  } catch (const toml::parse_error&) {  // a bare word is a text; so is a number too large for an integer
    table.insert_or_assign("value", value);
  }
  if (table.size() != 1) throw ConfigError(fmt::format("--set {}: expected one KEY=VALUE", setting));
  apply_value(config, key, *table.get("value"), warnings);
}

std::string to_toml(const RunConfig& config, bool explained) {
  std::string text, section;
  for (const ConfigField& field : config_fields()) {
    if (section_of(field.key) != section) {
      section = section_of(field.key);
      text += fmt::format("\n[{}]\n", section);
    }
    const std::string key = section.empty() ? field.key : field.key.substr(section.size() + 1);
    const std::string line = fmt::format("{} = {}", key, to_string(field.get(config)));
    text += explained ? fmt::format("{:<32} # {}\n", line, field.text) : line + "\n";
  }
  return text;
}

}  // namespace kantor
