// Checkpoints: the tensors of a training in PyTorch's layout, and the metadata that say what they belong to. What is
// wrong in them is a FileError that names file, key, what was found and what was expected.
#pragma once

#include "models/files/safetensors.h"
#include "models/gan/trainable_network.h"
#include "models/nn/network.h"
#include "models/training/config.h"

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace kantor {

/// A tensor of a training's state by its name in the file, and its layout there.
struct StateTensor {
  std::string name;
  Tensor tensor;
  Layout layout = Layout::plain;
  bool optimizer = false;  // its state, which checkpoints before version 2 hold in the engine's layout
};

/// The metadata's key for the version of names and layouts; 1 where it is missing.
inline constexpr const char* checkpoint_version_key = "kantor.checkpoint";
inline constexpr const char* checkpoint_version = "2";

/// Appends the rows of an arena that belongs to a network's parameters, as "<prefix>.<row>".
void append_parameters(std::vector<StateTensor>& state, const std::string& prefix, const Network& network,
                       const Arena& values);
/// Appends a network's buffers and its optimizer's state: "critic.1.running_mean", "critic.adam.m.0.weight",
/// "critic.optimizer.step".
void append_buffers_and_optimizer(std::vector<StateTensor>& state, const std::string& prefix,
                                  const TrainableNetwork& trainable);

/// The key of the metadata that says in which arithmetic the products of the steps were computed, as arithmetic_name
/// names it.
inline constexpr const char* arithmetic_key = "kantor.arithmetic";
/// And whether steps were fused or recorded, which differ in rounding.
inline constexpr const char* steps_key = "kantor.steps";

/// What says what the tensors belong to. The configuration inside leaves out what decides no numbers of the training.
std::map<std::string, std::string> checkpoint_metadata(const RunConfig& config, const Network& critic,
                                                       const Network& generator, int64_t steps_done);

/// Copies in the file's layout, on the host.
std::vector<std::pair<std::string, Tensor>> to_file_tensors(const std::vector<StateTensor>& state);
/// The reverse: fills the tensors of `state`, once all are there with the right shape and kind of type. Accepts what
/// older versions wrote.
void restore_tensors(const TensorFile& file, const std::vector<StateTensor>& state);

/// From metadata: a text, a whole number of at least 0, the training's configuration, and a network over one sample.
const std::string& metadata_text(const TensorFile& file, const std::string& key);
int64_t metadata_number(const TensorFile& file, const std::string& key);
RunConfig saved_config(const TensorFile& file);
std::unique_ptr<Network> saved_network(const TensorFile& file, const std::string& key, const Shape& sample);

/// The generator of a checkpoint, with its averaged weights, and its configuration.
struct SavedGenerator {
  RunConfig config;
  std::unique_ptr<Network> network;
};
SavedGenerator load_generator(const TensorFile& file);

/// The bounds of the critic's clipped weights by their names in the file; empty for what no clipped training wrote.
std::map<std::string, double> saved_bounds(const TensorFile& file);

}  // namespace kantor
