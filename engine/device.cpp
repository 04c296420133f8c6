#include "engine/device.h"

#include "engine/error.h"
#include "engine/launch.h"
#include "engine/libraries.h"
#include "engine/runtime.h"
#include "kernels/host/threads.h"
#ifdef KANTOR_HAS_CUDA
#include "kernels/cuda/cublas.h"
#endif
#ifdef KANTOR_HAS_CUDNN
#include "kernels/cuda/cudnn.h"
#endif

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <fmt/format.h>

namespace kantor {
namespace {

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

std::string why_unusable(Device device) {
  std::string reason = why_unavailable(device);
#ifdef KANTOR_HAS_CUDA
  if (reason.empty() && device.kind == Device::Kind::cuda) reason = cuda::why_no_cublas();
#endif
  return reason;
}

Device find_device(std::string_view name) {
  if (name == "auto") {
    const Device gpu{Device::Kind::cuda, 0};
    return why_unusable(gpu).empty() ? gpu : Device{};
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
  if (const std::string reason = why_unusable(device); !reason.empty()) {
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
  if (choice.cudnn) {
#ifdef KANTOR_HAS_CUDNN
    const std::string reason = cuda::why_no_cudnn();
#else
    const std::string reason = "this build holds none: its headers were not found when the build was configured";
#endif
    if (!reason.empty()) throw DeviceError("cuDNN was asked for: " + reason + "; or go without it");
  }
  chosen_libraries = choice;
}

Libraries libraries() {
  return chosen_libraries;
}

std::vector<LibraryFound> find_libraries() {
  std::vector<LibraryFound> found;
  [[maybe_unused]] const auto look = [&](const char* name, const std::string& missing, std::string (*version)()) {
    found.push_back({name, missing.empty() ? version() : "", missing});
  };
#ifdef KANTOR_HAS_CUDA
  look("cuBLAS", cuda::why_no_cublas(), cuda::cublas_version);
#endif
#ifdef KANTOR_HAS_CUDNN
  look("cuDNN", cuda::why_no_cudnn(), cuda::cudnn_version);
#endif
  return found;
}

void set_threads(int count) {
  if (count < 1) throw Error(fmt::format("{} threads asked for; at least 1 is needed", count));
  host::set_threads(count);
}

int threads() {
  return host::threads();
}

}  // namespace kantor
