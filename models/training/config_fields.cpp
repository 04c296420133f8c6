#include "models/training/config_fields.h"

#include "models/files/text.h"
#include "models/losses/loss.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kantor {
namespace {

[[noreturn]] void refuse(const std::string& key, const ConfigValue& found, const std::string& expected) {
  const std::string text = std::visit([](const auto& value) { return fmt::format("{}", value); }, found);
  throw ConfigError(fmt::format("{} = {}: expected {}", key, text, expected));
}

/// A text that is not UTF-8 could be trained with, but its config.toml could never be read again.
void require_utf8(const std::string& key, const std::string& text) {
  if (is_utf8(text)) return;
  throw ConfigError(fmt::format("{} = {}: expected UTF-8; {}", key, quote(text, 4096),
                                key == "data.path" ? "rename the file or the folder" : "choose another name"));
}

/// A field of the configuration by a function that gives a reference to it.
template <class Ref>
ConfigField integer(const std::string& key, const std::string& text, Ref ref, int64_t low, int64_t high) {
  const std::string expected = fmt::format("an integer from {} to {}", low, high);
  return {key,
          text,
          [ref](const RunConfig& c) { return ConfigValue(int64_t{ref(const_cast<RunConfig&>(c))}); },
          [=](RunConfig& c, const ConfigValue& value) {
            const auto* number = std::get_if<int64_t>(&value);
            if (!number || *number < low || *number > high) refuse(key, value, expected);
            ref(c) = *number;
          },
          false,
          {},
          static_cast<double>(low),
          static_cast<double>(high)};
}

template <class Ref>
ConfigField number(const std::string& key, const std::string& text, Ref ref, double low, double high,
                   bool above = false) {
  const std::string expected = fmt::format("a number {} {} and at most {}", above ? "above" : "of at least", low, high);
  return {key,
          text,
          [ref](const RunConfig& c) { return ConfigValue(ref(const_cast<RunConfig&>(c))); },
          [=](RunConfig& c, const ConfigValue& value) {
            const auto* whole = std::get_if<int64_t>(&value);
            const auto* real = std::get_if<double>(&value);
            const double x = whole ? static_cast<double>(*whole) : real ? *real : std::nan("");
            if (!(x >= low && x <= high) || (above && x == low)) refuse(key, value, expected);
            ref(c) = x;
          },
          false,
          {},
          low,
          high};
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
  return {key,
          choices.empty() ? text : fmt::format("{}: {}", text, fmt::join(choices, ", ")),
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
          },
          false,
          choices};
}

/// A key that a resumed run may change without affecting the steps that are done.
ConfigField changeable(ConfigField field) {
  field.changeable = true;
  return field;
}

/// Kinds of constraints, one or several joined by +.
ConfigField constraint_field() {
  const std::string key = "critic.constraint";
  return {key,
          fmt::format("what keeps the critic Lipschitz: {}; several joined by +: \"r1+r2\"",
                      fmt::join(constraint_kinds(), ", ")),
          [](const RunConfig& c) { return ConfigValue(c.constraint.kind); },
          [key](RunConfig& c, const ConfigValue& value) {
            const auto* found = std::get_if<std::string>(&value);
            if (!found) refuse(key, value, "a text in quotes");
            try {
              (void)constraint_parts(*found);
            } catch (const Error&) {
              const std::string near = nearest(*found, constraint_kinds());
              refuse(key, value,
                     fmt::format("one of {}, or several of them joined by +, each once{}",
                                 fmt::join(constraint_kinds(), ", "),
                                 near.empty() ? "" : fmt::format(" (did you mean {}?)", near)));
            }
            c.constraint.kind = *found;
          }};
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
  add(word(key("initialization"), "weights at the start; uniform is U(-clip.c, clip.c)",
           [net](RunConfig& c) -> std::string& { return net(c).initialization; },
           {"he_uniform", "pytorch", "xavier_uniform", "dcgan", "uniform"}));
  add(word(
      key("optimizer"), "optimizer, PyTorch's semantics",
      [net](RunConfig& c) -> std::string& { return net(c).optimizer; }, optimizer_names()));
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
  add(number(
      key("weight_decay"), "AdamW: weights shrink by the learning rate times this at each update",
      [net](RunConfig& c) -> double& { return net(c).weight_decay; }, 0, 1e6));
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
      word(
          "train.loss", "what critic and generator minimize", [](RunConfig& c) -> std::string& { return c.loss; },
          loss_names()),
      integer(
          "train.seed", "of all random numbers", [](RunConfig& c) -> int64_t& { return c.seed; }, 0, INT64_MAX),
      integer(
          "generator.z", "size of the noise, N(0, 1)", [](RunConfig& c) -> int64_t& { return c.z; }, 1, 65536),
      number(
          "generator.ema_decay", "decay of the weights' running average that is sampled; 0: none",
          [](RunConfig& c) -> double& { return c.ema_decay; }, 0, 0.999999),
  };
  append_network(fields, "generator", {"mlp", "dcgan"}, [](RunConfig& c) -> NetworkConfig& { return c.generator; });
  fields.push_back(constraint_field());
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

}  // namespace

const std::vector<ConfigField>& config_fields() {
  static const std::vector<ConfigField> fields = make_fields();
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

}  // namespace kantor
