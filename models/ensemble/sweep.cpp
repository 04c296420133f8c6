#include "models/ensemble/sweep.h"

#include "models/training/config_fields.h"
#include "models/training/config_toml.h"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <variant>

namespace kantor {
namespace {

constexpr size_t longest_value = 40, longest_name = 200;  // of a folder's name; file systems take 255 bytes

/// The parts between commas that are outside of quotes.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts{""};
  char quote = '\0';
  for (const char c : text) {
    if (c == ',' && quote == '\0') {
      parts.emplace_back();
      continue;
    }
    if (c == quote) {
      quote = '\0';
    } else if (quote == '\0' && (c == '"' || c == '\'')) {
      quote = c;
    }
    parts.back() += c;
  }
  return parts;
}

/// FNV-1a, 32 bits: tells apart what a name cannot hold.
uint32_t digest(const std::string& text) {
  uint32_t value = 2166136261U;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 16777619U;
  return value;
}

/// `text` as a part of a folder's name: other characters become _, and what is cut or changed gets a digest.
std::string name_part(const std::string& text, size_t longest) {
  std::string name = text.substr(0, longest);
  for (char& c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) == 0 && std::string_view("._+-=~").find(c) == std::string_view::npos) c = '_';
  }
  return name == text ? name : fmt::format("{}~{:08x}", name, digest(text));
}

/// A value for names and tables: 10, 0.1, relu.
std::string plain(const ConfigValue& value) {
  return std::visit([](const auto& x) { return fmt::format("{}", x); }, value);
}

std::string factor(int64_t count, const std::string& what) {
  return count == INT64_MAX ? fmt::format("more than 9e18 {}s", what)
                            : fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

int64_t product_of(size_t constraints, const std::vector<Sweep>& sweeps, int64_t seeds) {
  int64_t product = saturating_product(static_cast<int64_t>(constraints), seeds);
  for (const Sweep& sweep : sweeps) product = saturating_product(product, static_cast<int64_t>(sweep.values.size()));
  return product;
}

}  // namespace

Sweep parse_sweep(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw ConfigError(fmt::format("--sweep {}: expected KEY=VALUE,VALUE,..., such as critic.lambda=0.1,1,10", text));
  }
  const std::string key = text.substr(0, equals), option = "--sweep " + key + "=";
  const ConfigField& field = find_field(key);
  if (key == "critic.constraint") throw ConfigError(option + "...: constraints are named by --constraint, repeatable");
  if (key == "train.seed") throw ConfigError(option + "...: seeds are named by --seed, such as --seed 1..10");
  if (key == "name") throw ConfigError(option + "...: a run's name changes nothing; expected another key");
  Sweep sweep{key, {}};
  const bool whole = std::holds_alternative<int64_t>(field.get(RunConfig()));
  for (const std::string& value : split(text.substr(equals + 1))) {
    if (value.empty()) {
      throw ConfigError(fmt::format(
          "--sweep {}: an empty value; expected KEY=VALUE,VALUE,..., such as critic.lambda=0.1,1,10", text));
    }
    if (whole && value.find("..") != std::string::npos) {
      const Numbers numbers = Numbers::parse(value, option);
      if (numbers.count() > most_runs) {
        throw ConfigError(
            fmt::format("--sweep {}: {}; at most {} are taken", text, factor(numbers.count(), "value"), most_runs));
      }
      for (const int64_t number : numbers.all()) sweep.values.push_back(std::to_string(number));
    } else {
      sweep.values.push_back(value);
    }
  }
  RunConfig scratch;
  for (const std::string& value : sweep.values) apply_setting(scratch, key + "=" + value);
  return sweep;
}

std::vector<Sweep> parse_sweeps(const std::vector<std::string>& texts, const std::vector<std::string>& settings) {
  std::vector<Sweep> sweeps;
  for (const std::string& text : texts) {
    Sweep sweep = parse_sweep(text);
    for (const Sweep& other : sweeps) {
      if (other.key == sweep.key) {
        throw ConfigError(fmt::format("--sweep {} is given twice; name all of its values in one", sweep.key));
      }
    }
    for (const std::string& setting : settings) {
      if (setting.substr(0, setting.find('=')) == sweep.key) {
        throw ConfigError(
            fmt::format("--set {} and --sweep {}: the key is swept; leave one of the two out", setting, sweep.key));
      }
    }
    sweeps.push_back(std::move(sweep));
  }
  return sweeps;
}

std::string describe_product(size_t constraints, const std::vector<Sweep>& sweeps, int64_t seeds) {
  std::vector<std::string> factors{factor(static_cast<int64_t>(constraints), "constraint")};
  for (const Sweep& sweep : sweeps) {
    const auto count = static_cast<int64_t>(sweep.values.size());
    factors.push_back(fmt::format("{} of {}", factor(count, "value"), sweep.key));
  }
  factors.push_back(factor(seeds, "seed"));
  return fmt::format("{} = {}", fmt::join(factors, " x "), factor(product_of(constraints, sweeps, seeds), "run"));
}

void check_product(size_t constraints, const std::vector<Sweep>& sweeps, int64_t seeds) {
  if (product_of(constraints, sweeps, seeds) <= most_runs) return;
  throw ConfigError(fmt::format(
      "{}; at most {} are taken: name fewer seeds or values, or begin several comparisons, each in its --out",
      describe_product(constraints, sweeps, seeds), most_runs));
}

std::vector<std::vector<std::string>> combinations(const std::vector<Sweep>& sweeps) {
  std::vector<std::vector<std::string>> all{{}};
  for (const Sweep& sweep : sweeps) {
    std::vector<std::vector<std::string>> longer;
    longer.reserve(all.size() * sweep.values.size());
    for (const std::vector<std::string>& settings : all) {
      for (const std::string& value : sweep.values) {
        longer.push_back(settings);
        longer.back().push_back(sweep.key + "=" + value);
      }
    }
    all = std::move(longer);
  }
  return all;
}

std::string run_name(const RunConfig& config, const std::vector<Sweep>& sweeps) {
  std::string name = config.constraint.kind;
  for (const ConfigField& field : config_fields()) {
    const auto swept = [&](const Sweep& sweep) { return sweep.key == field.key; };
    if (std::none_of(sweeps.begin(), sweeps.end(), swept)) continue;
    name += fmt::format("-{}={}", field.key, name_part(plain(field.get(config)), longest_value));
  }
  return fmt::format("{}-{}", name_part(name, longest_name), config.seed);
}

}  // namespace kantor
