#include "engine/device.h"

#include "engine/error.h"
#include "engine/launch.h"
#include "engine/runtime.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <fmt/format.h>
#include <omp.h>

namespace kantor {
namespace {

int thread_count = 0;
Libraries chosen_libraries;

class SteadyClock final : public DeviceClock {
 public:
  void start() override { start_ = std::chrono::steady_clock::now(); }
  double stop() override { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_;
};

}  // namespace

std::string to_string(Device device) {
  switch (device.kind) {
    case Device::Kind::cpu:
      return "cpu";
    case Device::Kind::sim:
      return "sim";
    case Device::Kind::cuda:
      return fmt::format("cuda:{}", device.index);
  }
  return "unknown";
}

std::string why_unavailable(Device device) {
  switch (device.kind) {
    case Device::Kind::cpu:
      return "";
    case Device::Kind::sim:
      return "";
    case Device::Kind::cuda:
#ifdef KANTOR_HAS_CUDA
      return why_no_cuda(device.index);
#else
      return "this build holds no CUDA device: nvcc was not found when it was configured";
#endif
  }
  return "unknown device";
}

Device find_device(std::string_view name) {
  if (name == "auto") {
    const Device gpu{Device::Kind::cuda, 0};
    return why_unavailable(gpu).empty() ? gpu : Device{};
  }
  Device device;
  if (name == "cpu") return device;
  if (name == "sim") {
    device.kind = Device::Kind::sim;
  } else if (name == "cuda" || name.starts_with("cuda:")) {
    device.kind = Device::Kind::cuda;
    const std::string_view digits = name.size() > 5 ? name.substr(5) : std::string_view("0");
    const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), device.index);
    if (status != std::errc() || end != digits.data() + digits.size() || device.index < 0) {
      throw DeviceError(fmt::format("device '{}': expected cuda:N with a number N >= 0", name));
    }
  } else {
    throw DeviceError(fmt::format("unknown device '{}'; known are auto, cpu, sim, cuda, cuda:N", name));
  }
  if (const std::string reason = why_unavailable(device); !reason.empty()) {
    throw DeviceError(fmt::format("device {} is not available: {}", to_string(device), reason));
  }
  return device;
}

Runtime& runtime(Device device) {
  // Asked at every launch: what once worked is remembered.
  static std::array<std::atomic<Runtime*>, 64> known{};
  const auto slot = static_cast<size_t>(device.index) % known.size();
  if (device.kind == Device::Kind::cuda && slot == static_cast<size_t>(device.index)) {
    if (Runtime* found = known[slot]) return *found;
  }
  if (const std::string reason = why_unavailable(device); !reason.empty()) {
    throw DeviceError(fmt::format("device {} is not available: {}", to_string(device), reason));
  }
  if (device.kind == Device::Kind::sim) return sim_runtime();
#ifdef KANTOR_HAS_CUDA
  if (device.kind == Device::Kind::cuda) {
    Runtime& found = cuda_runtime(device.index);
    if (slot == static_cast<size_t>(device.index)) known[slot] = &found;
    return found;
  }
#endif
  throw DeviceError("the CPU runs no kernels");
}

void synchronize(Device device) {
  if (device.kind != Device::Kind::cpu) runtime(device).synchronize();
}

std::string hardware([[maybe_unused]] Device device) {
#ifdef KANTOR_HAS_CUDA
  if (device.kind == Device::Kind::cuda) return cuda_hardware(device.index);
#endif
  return "";
}

std::unique_ptr<DeviceClock> steady_clock() {
  return std::make_unique<SteadyClock>();
}

Stopwatch::Stopwatch(Device device)
    : clock_(device.kind == Device::Kind::cpu ? steady_clock() : runtime(device).make_clock()) {}

Stopwatch::~Stopwatch() = default;

void Stopwatch::start() {
  clock_->start();
}

double Stopwatch::stop() {
  return clock_->stop();
}

Target target_of(Device device) {
  const Runtime& r = runtime(device);
  return {r.backend(), r.stream()};
}

void set_libraries(Libraries choice) {
#ifndef KANTOR_HAS_CUDNN
  if (choice.cudnn) {
    throw DeviceError(
        "cuDNN was asked for, but this build holds none: it was not found when the build was configured; go without, "
        "or "
        "install it and configure again");
  }
#endif
  chosen_libraries = choice;
}

Libraries libraries() {
  return chosen_libraries;
}

void set_threads(int count) {
  if (count < 1) throw Error(fmt::format("{} threads asked for; at least 1 is needed", count));
  thread_count = count;
}

int threads() {
  if (thread_count == 0) thread_count = std::max(1, omp_get_num_procs());
  return thread_count;
}

}  // namespace kantor
