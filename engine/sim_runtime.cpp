// The runtime of `sim`: the simulator's memory, copies and capture. Work runs as it is launched.
#include "engine/runtime.h"
#include "kernels/products/products.h"
#include "kernels/sim/simulator.h"

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

namespace kantor {
namespace {

class SimGraph final : public DeviceGraph {
 public:
  explicit SimGraph(sim::Graph graph) : graph_(std::move(graph)) {}
  void launch() override { graph_.launch(); }
  [[nodiscard]] int64_t launches() const override { return graph_.launches(); }

 private:
  sim::Graph graph_;
};

class SimRuntime final : public Runtime {
 public:
  SimRuntime() : arrived_(static_cast<unsigned*>(sim::device_malloc(most_counters * sizeof(unsigned)))) {
    const std::vector<unsigned> zeros(most_counters);
    sim::copy_in(arrived_, zeros.data(), most_counters * sizeof(unsigned));
  }
  [[nodiscard]] Backend backend() const override { return Backend::sim; }
  [[nodiscard]] Stream stream() const override { return nullptr; }
  /// As an H100 has them.
  [[nodiscard]] Processor processor() override { return {132, true, true, arrived_}; }
  void* allocate(size_t bytes) noexcept override { return sim::device_malloc(bytes); }
  void release(void* data) noexcept override { sim::device_free(data); }
  [[nodiscard]] std::optional<size_t> free_bytes() const override { return std::nullopt; }
  void copy_in(void* device, const void* host, size_t bytes) override { sim::copy_in(device, host, bytes); }
  void copy_out(void* host, const void* device, size_t bytes) override { sim::copy_out(host, device, bytes); }
  void copy(void* to, const void* from, size_t bytes) override { sim::copy(to, from, bytes, nullptr); }
  void synchronize() override {}
  [[nodiscard]] std::unique_ptr<DeviceClock> make_clock() override { return steady_clock(); }
  void begin_capture() override { sim::begin_capture(); }
  std::unique_ptr<DeviceGraph> end_capture() override { return std::make_unique<SimGraph>(sim::end_capture()); }
  void abandon_capture() noexcept override { sim::abandon_capture(); }

 private:
  unsigned* arrived_;
};

std::atomic<Runtime*> replacement{nullptr};

}  // namespace

Runtime& sim_runtime() {
  if (Runtime* other = replacement) return *other;
  static auto* const instance = new SimRuntime;  // tensors of static lifetime may outlive everything else
  return *instance;
}

void set_sim_runtime(Runtime* runtime) {
  replacement = runtime;
}

}  // namespace kantor
