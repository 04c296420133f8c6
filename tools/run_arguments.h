// RunArguments: the options that `train` and `compare` share, and the configuration that results.
#pragma once

#include "engine/device.h"
#include "models/training/config.h"
#include "tools/product_arguments.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <vector>

namespace kantor {

struct RunArguments {
  std::string preset, config, data, loss, out, device = "auto", rewrites = "all", fused = "auto";
  std::vector<std::string> settings;
  int threads = 0;
  bool quiet = false, json = false, eager = false, print_config = false, resume = false;
  ProductArguments products;

  void add_to(CLI::App& app);
  /// Preset, then --config, --data, --set, in this order. Throws ConfigError and FileError.
  [[nodiscard]] RunConfig run_config(const std::string& constraint, int64_t seed) const;
  /// What the run in `folder` continues with: its own configuration, changed by these options. "" and -1 ask
  /// for no constraint and seed. Throws ConfigError, naming option and key, for a change that a started run cannot
  /// make, and FileError.
  struct Resumed {
    RunConfig config;
    bool done = false;      // it has done all steps or diverged, and nothing is changed
    bool diverged = false;  // it is done because it diverged
  };
  [[nodiscard]] Resumed resumed_run(const std::filesystem::path& folder, const std::string& constraint,
                                    int64_t seed) const;
  /// --out, or runs/<date>-<name>...
  [[nodiscard]] std::string folder(const std::string& name) const;
  /// Applies --threads, and finds the device; says on stderr what `auto` took. Throws DeviceError.
  [[nodiscard]] Device use_machine() const;
  /// The same for processes that train on `devices` (as --devices lists them): checks the options and finds the
  /// devices, without work on one.
  [[nodiscard]] std::vector<std::string> machine_of_others(const std::string& devices) const;
  /// Options of such a process that say how it computes: all but device and threads.
  [[nodiscard]] std::vector<std::string> machine_words() const;
};

}  // namespace kantor
