#include "models/training/checkpoint.h"

#include "models/files/file_error.h"
#include "models/files/text.h"
#include "models/gan/gradients.h"
#include "models/lipschitz/constraint.h"
#include "models/training/config_toml.h"

#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace kantor {
namespace {

using nlohmann::json;

[[noreturn]] void refuse(const TensorFile& file, const std::string& key, const std::string& found,
                         const std::string& expected) {
  throw FileError(fmt::format("{}: {} in its metadata is {}, expected {}", file.source, key, found, expected));
}

/// Whether the file was written before version 2. Throws FileError for a version that is not known.
bool is_old(const TensorFile& file) {
  const auto version = file.metadata.find(checkpoint_version_key);
  if (version == file.metadata.end()) return true;
  if (version->second != checkpoint_version) {
    refuse(file, checkpoint_version_key, quote(version->second),
           fmt::format("\"{}\": written by a newer Kantor, or damaged", checkpoint_version));
  }
  return false;
}

Shape metadata_shape(const TensorFile& file, const std::string& key) {
  const std::string& text = metadata_text(file, key);
  const json extents = json::parse(text, nullptr, false);
  bool right = extents.is_array();
  for (size_t i = 0; right && i < extents.size(); ++i) {
    right = extents[i].is_number_unsigned() && extents[i].get<uint64_t>() <= 1 << 24;
  }
  try {
    if (right) return Shape(extents.get<std::vector<int64_t>>());
  } catch (const ShapeError&) {  // reported below
  }
  refuse(file, key, quote(text), "a list of extents such as [3, 32, 32]");
}

/// The configuration in a checkpoint: what decides no numbers of the training is left out.
std::string essential_config(RunConfig config) {
  const RunConfig defaults;
  config.name = defaults.name;
  config.data.path = "";
  config.steps = defaults.steps;
  config.log_every = defaults.log_every;
  config.eval_every = defaults.eval_every;
  config.eval_samples = defaults.eval_samples;
  config.sample_every = defaults.sample_every;
  config.checkpoint_every = defaults.checkpoint_every;
  return to_toml(config);
}

}  // namespace

void append_parameters(std::vector<StateTensor>& state, const std::string& prefix, const Network& network,
                       const Arena& values) {
  for (size_t i = 0; i < values.rows().size(); ++i) {
    state.push_back({prefix + "." + values.rows()[i].name, values.tensors()[i], network.roles()[i].layout});
  }
}

void append_buffers_and_optimizer(std::vector<StateTensor>& state, const std::string& prefix,
                                  const TrainableNetwork& trainable) {
  const Arena& buffers = trainable.network().buffers();
  for (size_t i = 0; i < buffers.rows().size(); ++i) {
    state.push_back({prefix + "." + buffers.rows()[i].name, buffers.tensors()[i]});
  }
  for (const auto& [name, moments] : trainable.optimizer().state()) {
    const size_t first = state.size();
    append_parameters(state, fmt::format("{}.{}", prefix, name), trainable.network(), moments);
    for (size_t i = first; i < state.size(); ++i) state[i].optimizer = true;
  }
  state.push_back({prefix + ".optimizer.step", trainable.optimizer().step()});
}

std::map<std::string, std::string> checkpoint_metadata(const RunConfig& config, const Network& critic,
                                                       const Network& generator, int64_t steps_done) {
  return {{checkpoint_version_key, checkpoint_version},
          {"kantor.config", essential_config(config)},
          {"kantor.critic", critic.description().dump()},
          {"kantor.generator", generator.description().dump()},
          {"kantor.sample_shape", json(critic.sample_shape().to_vector()).dump()},
          {"kantor.step", std::to_string(steps_done)}};
}

std::vector<std::pair<std::string, Tensor>> to_file_tensors(const std::vector<StateTensor>& state) {
  std::vector<std::pair<std::string, Tensor>> tensors;
  for (const StateTensor& part : state) {
    const Tensor value = to_file_layout(part.tensor, part.layout);
    const Tensor copy = empty(value.shape(), {value.dtype(), {}});
    copy.copy_from(value);
    tensors.emplace_back(part.name, copy);
  }
  return tensors;
}

void restore_tensors(const TensorFile& file, const std::vector<StateTensor>& state) {
  const bool old = is_old(file);
  const TensorFile& source = old ? with_pytorch_names(file) : file;
  std::vector<Tensor> values;
  for (const StateTensor& part : state) {
    const Layout layout = old && part.optimizer ? Layout::plain : part.layout;
    const Tensor& value = source.at(part.name);
    const Shape expected = file_shape(part.tensor.shape(), layout);
    if (value.shape() != expected || is_floating(value.dtype()) != is_floating(part.tensor.dtype())) {
      throw FileError(fmt::format("{}: tensor {} is {} {}, expected {} {}", file.source, part.name,
                                  to_string(value.dtype()), to_string(value.shape()), to_string(part.tensor.dtype()),
                                  to_string(expected)));
    }
    values.push_back(to_engine_layout(value.to(part.tensor.dtype()), layout));
  }
  for (size_t i = 0; i < state.size(); ++i) state[i].tensor.copy_from(values[i]);
}

const std::string& metadata_text(const TensorFile& file, const std::string& key) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end()) {
    throw FileError(
        fmt::format("{}: no training checkpoint: its metadata lack {}; if another program saved it again, use the "
                    "original, or save it with the original's metadata except kantor.digest and kantor.format",
                    file.source, key));
  }
  return found->second;
}

int64_t metadata_number(const TensorFile& file, const std::string& key) {
  const std::string& text = metadata_text(file, key);
  int64_t number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) {
    refuse(file, key, quote(text), "a whole number of at least 0");
  }
  return number;
}

RunConfig saved_config(const TensorFile& file) {
  const std::string text = metadata_text(file, "kantor.config");
  RunConfig config;
  try {
    apply_toml(config, text, "kantor.config");
  } catch (const ConfigError& error) {
    throw FileError(fmt::format("{}: its metadata hold a configuration that is not right: {}; use the original file",
                                file.source, error.what()));
  }
  return config;
}

std::unique_ptr<Network> saved_network(const TensorFile& file, const std::string& key, const Shape& sample) {
  const std::string& text = metadata_text(file, key);
  try {
    return std::make_unique<Network>(parse_layers(text), sample, NetworkOptions{});
  } catch (const Error& error) {
    throw FileError(fmt::format("{}: {} in its metadata is no network: {}", file.source, key, error.what()));
  }
}

SavedGenerator load_generator(const TensorFile& file) {
  SavedGenerator saved{saved_config(file), nullptr};
  saved.network = saved_network(file, "kantor.generator", Shape{saved.config.z});
  const Arena &parameters = saved.network->parameters(), &buffers = saved.network->buffers();
  const std::string prefix = saved.config.ema_decay > 0 ? "average" : "generator";
  std::vector<StateTensor> state;
  append_parameters(state, prefix, *saved.network, parameters);
  for (size_t i = 0; i < buffers.rows().size(); ++i) {
    state.push_back({"generator." + buffers.rows()[i].name, buffers.tensors()[i]});
  }
  restore_tensors(file, state);
  return saved;
}

std::map<std::string, double> saved_bounds(const TensorFile& file) {
  if (!file.metadata.contains("kantor.config")) return {};
  const RunConfig config = saved_config(file);
  if (!has_constraint(config.constraint.kind, "clip")) return {};
  const auto critic = saved_network(file, "kantor.critic", metadata_shape(file, "kantor.sample_shape"));
  const std::vector<double> found = make_constraint(config.constraint)->bounds(*critic);
  const std::vector<ArenaRow>& rows = critic->parameters().rows();
  std::map<std::string, double> bounds;
  for (size_t i = 0; i < found.size(); ++i) {
    if (std::isfinite(found[i])) bounds["critic." + rows[i].name] = found[i];
  }
  if (!is_old(file)) return bounds;
  for (const auto& [name, tensor] : file.tensors) {
    if (const auto row = bounds.find(pytorch_name(name)); row != bounds.end()) bounds[name] = row->second;
  }
  return bounds;
}

}  // namespace kantor
