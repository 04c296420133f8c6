#include "tools/device_choice.h"

#include "engine/libraries.h"
#include "engine/threads.h"
#include "models/training/config.h"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <sstream>

namespace kantor {

Device choose_device(const std::string& name, bool quiet) {
  const Device found = find_device(name);
  if (name != "auto" || quiet) return found;
  fmt::print(stderr, "device auto: {}\n",
             found.kind == Device::Kind::cpu
                 ? fmt::format("cpu with {} threads ({})", threads(), why_unusable({Device::Kind::cuda, 0}))
                 : fmt::format("{} ({})", to_string(found), hardware(found)));
  return found;
}

std::vector<std::string> choose_devices(const std::string& list, const std::string& device, bool quiet) {
  if (list.empty()) return {to_string(choose_device(device, quiet))};
  std::vector<std::string> names;
  std::istringstream parts(list + ",");
  for (std::string name; std::getline(parts, name, ',');) {
    if (name.empty() || name == "auto") {
      throw ConfigError(fmt::format("--devices {}: expected names joined by commas, such as cuda:0,cuda:1", list));
    }
    const Device found = find_device(name);
    if (!names.empty() && found.kind != find_device(names.front()).kind) {
      throw ConfigError(
          fmt::format("--devices {}: {} is of another kind than {}, and its results differ; expected one kind", list,
                      name, names.front()));
    }
    if (found.kind == Device::Kind::cuda) name = to_string(found);
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      throw ConfigError(fmt::format("--devices {}: {} is named twice; --jobs N puts several runs on each", list, name));
    }
    names.push_back(name);
  }
  return names;
}

void add_dealing(CLI::App& command, std::string& devices, std::string& shard) {
  command.add_option("--devices", devices, "deal the runs to several devices of one kind: cuda:0,cuda:1")
      ->type_name("LIST")
      ->excludes("--device");
  command
      .add_option("--shard", shard,
                  "do part I of N, the runs number I, I + N, ..., counted from 1; all parts share --out (default: by "
                  "the task of a Slurm array or the MPI rank, else all)")
      ->type_name("I/N");
}

}  // namespace kantor
