#include "models/training/config.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

namespace kantor {
namespace {

[[noreturn]] void refuse(const std::string& key, const ConfigValue& found, const std::string& expected) {
  const std::string text = std::visit([](const auto& value) { return fmt::format("{}", value); }, found);
  throw ConfigError(fmt::format("{} = {}: expected {}", key, text, expected));
}

/// A text that is not could be trained with, but its config.toml never read again.
void require_utf8(const std::string& key, const std::string& text) {
  if (is_utf8(text)) return;
  throw ConfigError(fmt::format("{} = {}: expected UTF-8; {}", key, quote(text, 4096),
                                key == "data.path" ? "rename the file or the folder" : "choose another name"));
}

/// A field of the configuration by a function that gives a reference to it.
template <class Ref>
ConfigField integer(const std::string& key, const std::string& text, Ref ref, int64_t low, int64_t high) {
  const std::string expected = fmt::format("an integer from {} to {}", low, high);
  return {key, text, [ref](const RunConfig& c) { return ConfigValue(int64_t{ref(const_cast<RunConfig&>(c))}); },
          [=](RunConfig& c, const ConfigValue& value) {
            const auto* number = std::get_if<int64_t>(&value);
            if (!number || *number < low || *number > high) refuse(key, value, expected);
            ref(c) = *number;
          }};
}

template <class Ref>
ConfigField number(const std::string& key, const std::string& text, Ref ref, double low, double high,
                   bool above = false) {
  const std::string expected = fmt::format("a number {} {} and at most {}", above ? "above" : "of at least", low, high);
  return {key, text, [ref](const RunConfig& c) { return ConfigValue(ref(const_cast<RunConfig&>(c))); },
          [=](RunConfig& c, const ConfigValue& value) {
            const auto* whole = std::get_if<int64_t>(&value);
            const auto* real = std::get_if<double>(&value);
            const double x = whole ? static_cast<double>(*whole) : real ? *real : std::nan("");
            if (!(x >= low && x <= high) || (above && x == low)) refuse(key, value, expected);
            ref(c) = x;
          }};
}

template <class Ref>
ConfigField flag(const std::string& key, const std::string& text, Ref ref) {
  return {key, text, [ref](const RunConfig& c) { return ConfigValue(bool{ref(const_cast<RunConfig&>(c))}); },
          [=](RunConfig& c, const ConfigValue& value) {
            const auto* on = std::get_if<bool>(&value);
            if (!on) refuse(key, value, "true or false");
            ref(c) = *on;
          }};
}

/// A text; one of `choices` where there are any.
template <class Ref>
ConfigField word(const std::string& key, const std::string& text, Ref ref, std::vector<std::string> choices = {}) {
  return {key, choices.empty() ? text : fmt::format("{}: {}", text, fmt::join(choices, ", ")),
          [ref](const RunConfig& c) { return ConfigValue(std::string(ref(const_cast<RunConfig&>(c)))); },
          [=](RunConfig& c, const ConfigValue& value) {
            const auto* found = std::get_if<std::string>(&value);
            if (!found) refuse(key, value, "a text in quotes");
            require_utf8(key, *found);
            if (!choices.empty() && std::find(choices.begin(), choices.end(), *found) == choices.end()) {
              const std::string near = nearest(*found, choices);
              refuse(key, value,
                     fmt::format("one of {}{}", fmt::join(choices, ", "),
                                 near.empty() ? "" : fmt::format(" (did you mean {}?)", near)));
            }
            ref(c) = *found;
          }};
}

/// A key whose change by a resumed run leaves the steps that are done as they are.
ConfigField changeable(ConfigField field) {
  field.changeable = true;
  return field;
}

constexpr int64_t many = 1'000'000'000;

template <class Ref>
void append_network(std::vector<ConfigField>& fields, const std::string& section,
                    const std::vector<std::string>& networks, Ref net) {
  const auto add = [&](ConfigField field) { fields.push_back(std::move(field)); };
  const auto key = [&](const char* name) { return section + "." + name; };
  add(word(
      key("network"), "architecture", [net](RunConfig& c) -> std::string& { return net(c).network; }, networks));
  add(integer(
      key("width"), "units of a hidden layer (mlp, rnn)", [net](RunConfig& c) -> int64_t& { return net(c).width; }, 1,
      65536));
  add(integer(
      key("depth"), "hidden layers (mlp)", [net](RunConfig& c) -> int64_t& { return net(c).depth; }, 0, 1000));
  add(integer(
      key("dim"), "channels at the largest picture (dcgan)", [net](RunConfig& c) -> int64_t& { return net(c).dim; }, 1,
      4096));
  add(word(key("activation"), "hidden activation (mlp)",
           [net](RunConfig& c) -> std::string& { return net(c).activation; },
           {"relu", "leaky_relu", "tanh", "sigmoid", "softplus", "group_sort"}));
  add(word(key("norm"), "normalization", [net](RunConfig& c) -> std::string& { return net(c).norm; },
           {"none", "batch", "layer"}));
  add(word(key("initialization"), "weights at the start; box is U(-clip.c, clip.c)",
           [net](RunConfig& c) -> std::string& { return net(c).initialization; },
           {"he_uniform", "pytorch", "xavier_uniform", "dcgan", "box"}));
  add(word(key("optimizer"), "optimizer, PyTorch's semantics",
           [net](RunConfig& c) -> std::string& { return net(c).optimizer; }, {"sgd", "rmsprop", "adam"}));
  add(changeable(number(
      key("learning_rate"), "step size", [net](RunConfig& c) -> double& { return net(c).learning_rate; }, 0, 1e12,
      true)));
  add(number(
      key("beta1"), "Adam: decay of the mean", [net](RunConfig& c) -> double& { return net(c).beta1; }, 0, 0.999999));
  add(number(
      key("beta2"), "Adam: decay of the mean square", [net](RunConfig& c) -> double& { return net(c).beta2; }, 0,
      0.999999));
  add(number(
      key("alpha"), "RMSProp: decay of the mean square", [net](RunConfig& c) -> double& { return net(c).alpha; }, 0,
      0.999999));
  add(number(
      key("epsilon"), "added to the root of the mean square", [net](RunConfig& c) -> double& { return net(c).epsilon; },
      0, 1));
}

std::vector<ConfigField> make_fields() {
  std::vector<ConfigField> fields{
      changeable(
          word("name", "name of the run, in its folder's name", [](RunConfig& c) -> std::string& { return c.name; })),
      word(
          "data.kind", "data", [](RunConfig& c) -> std::string& { return c.data.kind; }, dataset_kinds()),
      changeable(word(
          "data.path",
          "file (.npy, IDX, .csv, plain or .gz), a folder of PNGs, or that of fashion-mnist or silk; funnels: a pair "
          "(docs/studies.md)",
          [](RunConfig& c) -> std::string& { return c.data.path; })),
      integer(
          "data.length", "steps of a sequence (sequences)", [](RunConfig& c) -> int64_t& { return c.data.length; }, 8,
          64),
      changeable(integer(
          "train.steps", "generator updates", [](RunConfig& c) -> int64_t& { return c.steps; }, 0, many)),
      integer(
          "train.batch", "samples of an update", [](RunConfig& c) -> int64_t& { return c.batch; }, 1, 65536),
      integer(
          "train.critic_steps", "critic updates to a generator update",
          [](RunConfig& c) -> int64_t& { return c.critic_steps; }, 1, 1000),
      integer(
          "train.seed", "of all random numbers", [](RunConfig& c) -> int64_t& { return c.seed; }, 0, INT64_MAX),
      integer(
          "generator.z", "size of the noise, N(0, 1)", [](RunConfig& c) -> int64_t& { return c.z; }, 1, 65536),
      number(
          "generator.average", "decay of the weights' running average that is sampled; 0: none",
          [](RunConfig& c) -> double& { return c.average; }, 0, 0.999999),
  };
  append_network(fields, "generator", {"mlp", "dcgan"}, [](RunConfig& c) -> NetworkConfig& { return c.generator; });
  fields.push_back(word(
      "critic.constraint", "what keeps the critic Lipschitz",
      [](RunConfig& c) -> std::string& { return c.constraint.kind; }, constraint_kinds()));
  fields.push_back(number(
      "critic.lambda", "weight of the penalty (gamma of r1 and r2)",
      [](RunConfig& c) -> double& { return c.constraint.lambda; }, 0, 1e12));
  append_network(fields, "critic", {"mlp", "dcgan", "rnn"}, [](RunConfig& c) -> NetworkConfig& { return c.critic; });
  fields.push_back(number(
      "clip.c", "bound of the weights under clipping", [](RunConfig& c) -> double& { return c.constraint.clip; }, 0,
      1e12, true));
  fields.push_back(
      flag("clip.biases", "clip biases too", [](RunConfig& c) -> bool& { return c.constraint.clip_biases; }));
  fields.push_back(flag("clip.norm_scales", "clip batch and layer norm's gamma and beta too, as the released code does",
                        [](RunConfig& c) -> bool& { return c.constraint.clip_norm_scales; }));
  fields.push_back(flag("spectral.detached",
                        "the singular value counts as a constant in the gradient, as in some published code: worse",
                        [](RunConfig& c) -> bool& { return c.constraint.spectral_detached; }));
  fields.push_back(integer(
      "groupsort.group", "units that groupsort sorts together, at least 2; 0: all of a layer",
      [](RunConfig& c) -> int64_t& { return c.constraint.sort_group; }, 0, 65536));
  fields.push_back(changeable(integer(
      "log.every", "steps from line to line of metrics.jsonl", [](RunConfig& c) -> int64_t& { return c.log_every; }, 1,
      many)));
  fields.push_back(changeable(integer(
      "eval.every", "steps from evaluation to evaluation (W1, modes, gradient norms)",
      [](RunConfig& c) -> int64_t& { return c.eval_every; }, 1, many)));
  fields.push_back(changeable(integer(
      "eval.samples", "samples of the exact W1; 1024 take some 0.1 s, 4096 2 s",
      [](RunConfig& c) -> int64_t& { return c.eval_samples; }, 16, 16384)));
  fields.push_back(changeable(integer(
      "sample.every", "steps from picture to picture", [](RunConfig& c) -> int64_t& { return c.sample_every; }, 1,
      many)));
  fields.push_back(changeable(integer(
      "checkpoint.every", "steps from checkpoint to checkpoint",
      [](RunConfig& c) -> int64_t& { return c.checkpoint_every; }, 1, many)));
  return fields;
}

const ConfigField& find_field(const std::string& key) {
  std::vector<std::string> keys;
  for (const ConfigField& field : config_fields()) {
    if (field.key == key) return field;
    keys.push_back(field.key);
  }
  const std::string near = nearest(key, keys);
  throw ConfigError(fmt::format(
      "unknown key {}{}", key,
      near.empty() ? "; `kantor train --print-config` lists them" : fmt::format("; did you mean {}?", near)));
}

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

void apply_value(RunConfig& config, const std::string& key, const toml::node& node) {
  const ConfigField& field = find_field(key);
  if (const auto* on = node.as_boolean()) return field.set(config, on->get());
  if (const auto* whole = node.as_integer()) return field.set(config, int64_t{whole->get()});
  if (const auto* real = node.as_floating_point()) return field.set(config, real->get());
  if (const auto* text = node.as_string()) return field.set(config, text->get());
  throw ConfigError(fmt::format("{}: expected a number, true, false or a text", key));
}

void apply_table(RunConfig& config, const toml::table& table, const std::string& prefix, const std::string& source) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix + std::string(name.str());
    if (const auto* inner = node.as_table()) {
      apply_table(config, *inner, key + ".", source);
      continue;
    }
    try {
      apply_value(config, key, node);
    } catch (const ConfigError& error) {
      throw ConfigError(fmt::format("{}:{}: {}", source, node.source().begin.line, error.what()));
    }
  }
}

/// GroupSort takes the units of an mlp's hidden layers in whole groups; as an activation of its own, in pairs.
void require_groups(const std::string& section, const NetworkConfig& net, int64_t group) {
  if (net.network == "mlp" && group > 1 && net.width % group != 0) {
    throw ConfigError(fmt::format("{}.width = {}: GroupSort sorts units in groups of {}; expected a multiple of it",
                                  section, net.width, group));
  }
}
/// Its own activation's.
int64_t sorted_group(const NetworkConfig& net) {
  return net.activation == "group_sort" ? 2 : 0;
}

}  // namespace

std::string to_string(const ConfigValue& value) {
  struct Print {
    std::string operator()(bool x) const { return x ? "true" : "false"; }
    std::string operator()(int64_t x) const { return fmt::format("{}", x); }
    std::string operator()(double x) const {
      std::string text = fmt::format("{}", x);  // the shortest that reads back the same
      if (text.find_first_of(".e") == std::string::npos) text += ".0";
      return text;
    }
    std::string operator()(const std::string& x) const {
      std::string text = "\"";
      for (const char c : x) {
        if (c == '"' || c == '\\') {
          text += '\\';
          text += c;
        } else if (static_cast<unsigned char>(c) < 32 || c == 127) {
          text += fmt::format("\\u{:04x}", static_cast<unsigned int>(c));
        } else {
          text += c;
        }
      }
      return text + '"';
    }
  };
  return std::visit(Print{}, value);
}

OptimizerConfig NetworkConfig::optimizer_config() const {
  return {parse_optimizer(optimizer), learning_rate, beta1, beta2, alpha, epsilon};
}

const std::vector<ConfigField>& config_fields() {
  static const std::vector<ConfigField> fields = make_fields();
  return fields;
}

void apply_toml(RunConfig& config, std::string_view text, const std::string& source) {
  try {
    apply_table(config, parse_toml(text, source), "", source);
  } catch (const toml::parse_error& error) {
    throw ConfigError(fmt::format("{}:{}: {}", source, error.source().begin.line, error.description()));
  }
}

void apply_setting(RunConfig& config, const std::string& setting) {
  const size_t equals = setting.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw ConfigError(fmt::format("--set {}: expected KEY=VALUE, such as train.steps=2000", setting));
  }
  const std::string key = setting.substr(0, equals), value = setting.substr(equals + 1);
  toml::table table;
  try {
    table = parse_toml("value = " + value, "--set");
  } catch (const toml::parse_error&) {  // a bare word is a text; so is a number that no integer holds
    table.insert_or_assign("value", value);
  }
  if (table.size() != 1) throw ConfigError(fmt::format("--set {}: expected one KEY=VALUE", setting));
  apply_value(config, key, *table.get("value"));
}

void validate(const RunConfig& config) {
  for (const ConfigField& field : config_fields()) {
    const ConfigValue value = field.get(config);
    if (const auto* text = std::get_if<std::string>(&value)) require_utf8(field.key, *text);
  }
  if (config.data.kind == "file" && config.data.path.empty()) {
    throw ConfigError("data.kind = file: data.path must name the file or the folder of PNGs");
  }
  if (config.generator.norm == "layer" && config.generator.network == "dcgan") {
    throw ConfigError("generator.norm = layer: a dcgan generator takes none or batch");
  }
  if (config.critic.norm != "none" && config.critic.network == "rnn") {
    throw ConfigError(fmt::format("critic.norm = {}: an rnn critic takes none", config.critic.norm));
  }
  const bool group_sort = config.constraint.kind == "groupsort";
  if (group_sort && config.critic.network != "mlp") {
    throw ConfigError(
        fmt::format("critic.network = {}: critic.constraint = groupsort orthonormalizes linear layers; it takes mlp",
                    config.critic.network));
  }
  if (group_sort && config.constraint.sort_group == 1) {
    throw ConfigError("groupsort.group = 1: single units are sorted already; expected 0, or at least 2");
  }
  require_groups("generator", config.generator, sorted_group(config.generator));
  require_groups("critic", config.critic, group_sort ? config.constraint.sort_group : sorted_group(config.critic));
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
