#include "bench/load.h"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#ifdef KANTOR_HAS_CUDA
#include <cuda_runtime_api.h>
#endif

namespace kantor {
namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

/// The device's PCI address, by which NVML knows it whatever devices this process sees; "" if it does not say.
std::string bus_of([[maybe_unused]] Device device) {
#ifdef KANTOR_HAS_CUDA
  char text[32] = {};
  if (device.kind == Device::Kind::cuda && cudaDeviceGetPCIBusId(text, sizeof(text), device.index) == cudaSuccess) {
    return text;
  }
#endif
  return "";
}

}  // namespace

/// /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal.
LoadWatch::Ticks LoadWatch::now() {
  Ticks ticks;
  std::ifstream file("/proc/stat");
  std::string word;
  file >> word;
  const auto hertz = static_cast<double>(sysconf(_SC_CLK_TCK));
  for (int field = 0; field < 8; ++field) {
    double value = 0;
    if (!(file >> value)) return {};
    value /= hertz;
    ticks.all += value;
    if (field == 7) ticks.steal = value;
    if (field != 3 && field != 4 && field != 7) ticks.busy += value;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  ticks.own = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  return ticks;
}

LoadWatch::LoadWatch() : start_(now()) {}

OtherLoad LoadWatch::since() const {
  const Ticks end = now();
  const double all = end.all - start_.all;
  if (all <= 0) return {};
  const double others = (end.busy - start_.busy - (end.own - start_.own)) / all;
  return {std::max(0.0, others), std::max(0.0, (end.steal - start_.steal) / all)};
}

double processor_mhz(const std::string& root) {
  double sum = 0;
  int count = 0;
  for (int i = 0;; ++i) {
    std::ifstream file(fmt::format("{}/sys/devices/system/cpu/cpu{}/cpufreq/scaling_cur_freq", root, i));
    double khz = 0;
    if (!(file >> khz)) break;
    sum += khz / 1e3;
    ++count;
  }
  if (count == 0) {
    std::ifstream file(root + "/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
      const size_t colon = line.find(':');
      if (!line.starts_with("cpu MHz") || colon == std::string::npos) continue;
      sum += std::strtod(line.c_str() + colon + 1, nullptr);
      ++count;
    }
  }
  return count > 0 ? sum / count : 0;
}

void ClockWatch::Range::add(double value) {
  if (value <= 0) return;
  least = least > 0 ? std::min(least, value) : value;
  most = std::max(most, value);
}

nlohmann::json ClockWatch::Range::json() const {
  return most > 0 ? nlohmann::json{least, most} : nlohmann::json();
}

ClockWatch::ClockWatch(Device device, const std::string& nvml, const std::string& root) : root_(root) {
  if (device.kind == Device::Kind::cuda) nvml_ = std::make_unique<Nvml>(bus_of(device), nvml);
  processor_.add(processor_mhz(root_));
}

void ClockWatch::sample() {
  processor_.add(processor_mhz(root_));
  if (!nvml_) return;
  const uint64_t before = last_.throttle;
  last_ = nvml_->read();
  last_.throttle |= before;
  sm_.add(last_.sm_mhz);
  memory_.add(last_.memory_mhz);
  watts_.add(last_.watts);
  celsius_.add(last_.celsius);
}

nlohmann::json ClockWatch::clocks() const {
  nlohmann::json result{{"processor_mhz", processor_.json()}};
  if (!nvml_) return result;
  result.update({{"sm_mhz", sm_.json()},
                 {"memory_mhz", memory_.json()},
                 {"watts", watts_.json()},
                 {"celsius", celsius_.json()},
                 {"most_sm_mhz", last_.most_sm_mhz},
                 {"most_watts", last_.most_watts},
                 {"nvml", nvml_->why_not()}});
  return result;
}

std::string ClockWatch::warning() const {
  constexpr double steady = 0.9;
  std::string text;
  if (const auto reasons = throttle(); !reasons.empty()) {
    text = fmt::format("the GPU's clocks were lowered: {} ({:.0f} to {:.0f} MHz of {}, {:.0f} of {:.0f} W, {:.0f} C)",
                       fmt::join(reasons, ", "), sm_.least, sm_.most, last_.most_sm_mhz, watts_.most, last_.most_watts,
                       celsius_.most);
  } else if (sm_.least < steady * sm_.most) {
    text = fmt::format("the GPU's clock went from {:.0f} to {:.0f} MHz", sm_.least, sm_.most);
  }
  if (processor_.least < steady * processor_.most) {
    text += fmt::format("{}the processors' clock went from {:.0f} to {:.0f} MHz", text.empty() ? "" : "; ",
                        processor_.least, processor_.most);
  }
  return text;
}

}  // namespace kantor
