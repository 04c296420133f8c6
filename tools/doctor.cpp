// kantor doctor: devices, libraries and limits of this machine, and what to install for what is missing.
#include "engine/error.h"
#include "engine/libraries.h"
#include "engine/products.h"
#include "engine/verification.h"
#include "models/data/dataset.h"
#include "models/data/open_dataset.h"
#include "models/files/file_error.h"
#include "models/training/environment.h"
#include "models/training/fused_check.h"
#include "tools/commands.h"

#include <chrono>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace kantor {
namespace {

using nlohmann::json;

json examine() {
  json result = describe_environment(find_device("auto"));
  result["memory_gib"] =
      static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 30);
  json libraries = json::object();
  for (const LibraryFound& library : find_libraries()) {
    libraries[library.name] = {{"version", library.version}, {"missing", library.missing}};
  }
  result["libraries"] = libraries;
  json missing = json::array();
  for (const char* kind : {"fashion-mnist", "silk"}) {
    try {
      open_dataset({kind, ""});
    } catch (const FileError& error) {
      missing.push_back(error.what());
    }
  }
  result["missing"] = missing;
  return result;
}

int run(bool as_json) {
  const json found = examine();
  if (as_json) {
    fmt::print("{}\n", found.dump(2));
    return exit_ok;
  }
  const auto text = [&](const char* key) { return found[key].get<std::string>(); };
  fmt::print("kantor {}, commit {} ({}, {})\n", text("version"), text("commit"), text("compiler"),
             text("instructions"));
  fmt::print("device:    {} ({} threads, {}, {:.1f} GiB)\n", text("device"), found["threads"].get<int>(),
             text("processor"), found["memory_gib"].get<double>());
  fmt::print("products:  {}\n", text("matrix_products"));
  if (!text("cuda").empty()) fmt::print("cuda:      built with {}\n", text("cuda"));
  for (const auto& [name, library] : found["libraries"].items()) {
    const auto version = library["version"].get<std::string>();
    fmt::print("{:<10} {}\n", name + ":", version.empty() ? library["missing"].get<std::string>() : "found " + version);
  }
  if (!text("hardware").empty()) fmt::print("hardware:  {}\n", text("hardware"));
  for (const auto& [device, reason] : found["unavailable"].items()) {
    fmt::print("{:<10} not available: {}\n", device + ":", reason.get<std::string>());
  }
  for (const json& line : found["missing"]) fmt::print("missing:   {}\n", line.get<std::string>());
  if (found["missing"].empty()) fmt::print("data:      Fashion-MNIST and the silk icons found\n");
  return exit_ok;
}

/// Checks the tile engine's kernels and fused steps anew. Returns exit_ok where all have passed.
int verify_kernels(const std::string& name, bool as_json) {
  const Device device = find_device(name);
  if (device.kind == Device::Kind::cpu) throw DeviceError("the CPU has no kernels to verify; name cuda or sim");
  const auto start = std::chrono::steady_clock::now();
  const Findings found = verify(device);
  std::map<FusedPart, std::string> fused;
  for (const FusedPart part : all_fused_parts) fused[part] = fused_training_finding(device, part, true);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  bool passed = true;
  json lines = json::object();
  const auto add = [&](const auto& kernels, const std::string& finding) {
    const std::string absent = why_absent(device, kernels);
    lines[name_of(kernels)] = !absent.empty() ? absent : finding.empty() ? "passed" : finding;
    passed = passed && finding.empty();
  };
  for (size_t i = 0; i < found.size(); ++i) add(all_tile_kernels[i], found[i]);
  for (const auto& [part, finding] : fused) add(part, finding);
  if (as_json) {
    fmt::print("{}\n", json{{"device", to_string(device)}, {"seconds", seconds.count()}, {"kernels", lines}}.dump(2));
  } else {
    for (const auto& [arithmetic, finding] : lines.items()) {
      fmt::print("{:<36} {}\n", arithmetic + ":", finding.get<std::string>());
    }
    fmt::print("{} verified in {:.1f} s\n", to_string(device), seconds.count());
  }
  return passed ? exit_ok : exit_failure;
}

}  // namespace

void add_doctor(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("doctor", "devices, libraries and limits of this machine, and what to install");
  const auto as_json = std::make_shared<bool>(false);
  command->add_flag("--json", *as_json, "print JSON");
  const auto verifies = std::make_shared<bool>(false);
  command->add_flag("--verify", *verifies,
                    "compare the kernels of products and convolutions with their predecessors on --device, anew");
  const auto device = std::make_shared<std::string>("auto");
  command->add_option("--device", *device, "with --verify: auto, sim, cuda, cuda:N")
      ->type_name("NAME")
      ->capture_default_str();
  command->footer("Example: kantor doctor --json");
  command->callback([=, &exit_code] { exit_code = *verifies ? verify_kernels(*device, *as_json) : run(*as_json); });
}

}  // namespace kantor
