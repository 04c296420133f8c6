// The devices that a command's --device or --devices name.
#pragma once

#include "engine/device.h"

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace kantor {

/// Calls find_device. For "auto" it says on stderr which device that is and why, unless `quiet`. Throws DeviceError.
Device choose_device(const std::string& name, bool quiet);

/// The devices that processes are dealt to, by name: those of "cuda:0,cuda:1", else the one that `device` names, as
/// choose_device finds it. Throws ConfigError for a list that is empty, names one twice or mixes kinds, whose results
/// would differ; DeviceError where one does not work.
std::vector<std::string> choose_devices(const std::string& list, const std::string& device, bool quiet);

/// The options --devices and --shard of a command that has --device and deals many runs.
void add_dealing(CLI::App& command, std::string& devices, std::string& shard);

}  // namespace kantor
