#include "bench/nvml.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <utility>

namespace kantor {

// The parts of NVML's interface that are used, by the numbers of its header.
struct Nvml::Library {
  using Handle = void*;
  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  int (*by_bus)(const char*, Handle*) = nullptr;
  int (*by_index)(unsigned, Handle*) = nullptr;
  int (*clock)(Handle, int, unsigned*) = nullptr;
  int (*most_clock)(Handle, int, unsigned*) = nullptr;
  int (*reasons)(Handle, unsigned long long*) = nullptr;
  int (*power)(Handle, unsigned*) = nullptr;
  int (*most_power)(Handle, unsigned*) = nullptr;
  int (*temperature)(Handle, int, unsigned*) = nullptr;
  void* file = nullptr;
  Handle device = nullptr;
  bool started = false;

  explicit Library(const std::string& name) : file(dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (file == nullptr) return;
    load(init, "nvmlInit_v2");
    load(shutdown, "nvmlShutdown");
    load(by_bus, "nvmlDeviceGetHandleByPciBusId_v2");
    load(by_index, "nvmlDeviceGetHandleByIndex_v2");
    load(clock, "nvmlDeviceGetClockInfo");
    load(most_clock, "nvmlDeviceGetMaxClockInfo");
    load(reasons, "nvmlDeviceGetCurrentClocksThrottleReasons");
    load(power, "nvmlDeviceGetPowerUsage");
    load(most_power, "nvmlDeviceGetEnforcedPowerLimit");
    load(temperature, "nvmlDeviceGetTemperature");
  }
  ~Library() {
    if (started && shutdown != nullptr) shutdown();
    if (file != nullptr) dlclose(file);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  template <class F>
  void load(F& function, const char* name) {
    function = reinterpret_cast<F>(dlsym(file, name));
  }
  /// What `function` tells; 0 where it is missing or fails.
  template <class F, class... More>
  unsigned ask(const F& function, More... more) const {
    unsigned value = 0;
    return function != nullptr && function(device, more..., &value) == 0 ? value : 0;
  }
};

Nvml::Nvml(const std::string& bus, const std::string& file) : library_(std::make_unique<Library>(file)) {
  Library& l = *library_;
  if (l.file == nullptr) {
    const char* reason = dlerror();
    why_not_ = reason != nullptr ? reason : file + " cannot be loaded";
    return;
  }
  if (l.init == nullptr || l.by_index == nullptr) {
    why_not_ = file + " is not NVML";
    return;
  }
  if (const int code = l.init(); code != 0) {
    why_not_ = fmt::format("NVML does not start: error {}", code);
    return;
  }
  l.started = true;
  const int code = bus.empty() || l.by_bus == nullptr ? l.by_index(0, &l.device) : l.by_bus(bus.c_str(), &l.device);
  if (code != 0) why_not_ = fmt::format("NVML does not know the device {}: error {}", bus, code);
}
Nvml::~Nvml() = default;

GpuState Nvml::read() const {
  GpuState state;
  if (!why_not_.empty()) return state;
  constexpr int sm = 1, memory = 2, on_chip = 0;
  const Library& l = *library_;
  state.sm_mhz = static_cast<int>(l.ask(l.clock, sm));
  state.most_sm_mhz = static_cast<int>(l.ask(l.most_clock, sm));
  state.memory_mhz = static_cast<int>(l.ask(l.clock, memory));
  state.watts = l.ask(l.power) / 1e3;
  state.most_watts = l.ask(l.most_power) / 1e3;
  state.celsius = static_cast<int>(l.ask(l.temperature, on_chip));
  unsigned long long bits = 0;
  if (l.reasons != nullptr && l.reasons(l.device, &bits) == 0) state.throttle = bits;
  return state;
}

std::vector<std::string> throttle_reasons(uint64_t bits) {
  static constexpr std::pair<uint64_t, const char*> names[]{{0x2, "clocks set by an application"},
                                                            {0x4, "power cap"},
                                                            {0x8, "slowed down by hardware"},
                                                            {0x10, "in step with other GPUs"},
                                                            {0x20, "too hot (software)"},
                                                            {0x40, "too hot (hardware)"},
                                                            {0x80, "power brake"},
                                                            {0x100, "clocks set for a display"}};
  std::vector<std::string> found;
  for (const auto& [bit, name] : names) {
    if ((bits & bit) != 0) found.emplace_back(name);
  }
  return found;
}

}  // namespace kantor
