// The runtime of `sim`: the simulator's memory, copies and capture. Work runs as it is launched.
#include "engine/runtime.h"
#include "kernels/sim/simulator.h"

#include <chrono>

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
  [[nodiscard]] Backend backend() const override { return Backend::sim; }
  [[nodiscard]] Stream stream() const override { return nullptr; }
  void* allocate(size_t bytes) noexcept override { return sim::device_malloc(bytes); }
  void release(void* data) noexcept override { sim::device_free(data); }
  [[nodiscard]] size_t free_bytes() const override { return 0; }
  void copy_in(void* device, const void* host, size_t bytes) override { sim::copy_in(device, host, bytes); }
  void copy_out(void* host, const void* device, size_t bytes) override { sim::copy_out(host, device, bytes); }
  void copy(void* to, const void* from, size_t bytes) override { sim::copy(to, from, bytes, nullptr); }
  void synchronize() override {}
  void start_clock() override { start_ = std::chrono::steady_clock::now(); }
  double stop_clock() override {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  void begin_capture() override { sim::begin_capture(); }
  std::unique_ptr<DeviceGraph> end_capture() override { return std::make_unique<SimGraph>(sim::end_capture()); }

 private:
  std::chrono::steady_clock::time_point start_;
};

}  // namespace

Runtime& sim_runtime() {
  static auto* const instance = new SimRuntime;  // tensors of static lifetime may outlive everything else
  return *instance;
}

}  // namespace kantor
