// RunArguments: the options that `train` and `compare` share, and the configuration that they add up to.
#pragma once

#include "engine/device.h"
#include "models/training/config.h"

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace kantor {

struct RunArguments {
  std::string preset, config, data, out, device = "auto";
  std::vector<std::string> settings;
  int threads = 0;
  bool quiet = false, json = false, eager = false, print_config = false, cudnn = false, tf32 = false;

  void add_to(CLI::App& app);
  /// Preset, then --config, --data, --set, in this order. Throws ConfigError and FileError.
  [[nodiscard]] RunConfig run_config(const std::string& constraint, int64_t seed) const;
  /// --out, or runs/<date>-<name>...
  [[nodiscard]] std::string folder(const std::string& name) const;
  /// Applies --threads, and finds the device; says on stderr what `auto` took. Throws DeviceError.
  [[nodiscard]] Device use_machine() const;
};

}  // namespace kantor
