// ProductArguments: the options that say how float32 products are computed.
#pragma once

#include "engine/device.h"
#include "engine/products.h"

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace kantor {

struct ProductArguments {
  bool exact_float32 = false, three_tf32 = false, tf32 = false, bf16 = false, cublas = false, cudnn = false;

  void add_to(CLI::App& app);
  /// Sets the process's choice, without a look at a device. Throws DeviceError.
  void choose() const;
  /// choose(), and on `cuda` says on stderr, unless `quiet`, what the self-check of the kernels found. Throws
  /// DeviceError.
  void apply(Device device, bool quiet) const;
  /// The options that are given, for the command line of another process.
  [[nodiscard]] std::vector<std::string> words() const;
};

}  // namespace kantor
