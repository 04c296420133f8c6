#include "models/training/environment.h"

#include "engine/build_info.h"
#include "engine/products.h"
#include "engine/rewrites.h"
#include "engine/threads.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace kantor {
namespace {

using nlohmann::json;

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

}  // namespace

json describe_environment(Device device) {
  const BuildInfo build = build_info();
  json unavailable = json::object();
  for (const Device other : {Device{Device::Kind::sim, 0}, Device{Device::Kind::cuda, 0}}) {
    if (const std::string reason = why_unavailable(other); !reason.empty()) unavailable[to_string(other)] = reason;
  }
  return {{"version", build.version},
          {"commit", build.commit},
          {"compiler", build.compiler},
          {"instructions", build.instructions},
          {"matrix_products", build.matrix_products},
          {"device", to_string(device)},
          {"threads", threads()},
          {"processor", processor()},
          {"unavailable", unavailable},
          {"cuda", build.cuda},
          {"hardware", hardware(device)},
          {"arithmetic", product_arithmetic(device)},
          {"products", product_kernels(device)},
          {"rewrites", active_rewrites()}};
}

}  // namespace kantor
