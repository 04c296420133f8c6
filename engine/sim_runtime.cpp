// The runtime of `sim`: the simulator's memory, copies and capture. Work runs as it is launched, but for what copies
// that nobody waits for bring to the host: that is there at the wait, and not before.
#include "engine/error.h"
#include "engine/runtime.h"
#include "kernels/products/products.h"
#include "kernels/sim/simulator.h"

#include <atomic>
#include <cstddef>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <new>
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

/// Copies that nobody has waited for yet. A GPU may make them at any time until then.
class CopiesUnderWay {
 public:
  void begin_in(void* device, const void* host, size_t bytes) {
    sim::copy_in(device, host, bytes);
    const auto* from = static_cast<const std::byte*>(host);
    add({nullptr, host, {from, from + bytes}});
  }
  void begin_out(void* host, const void* device, size_t bytes) {
    std::vector<std::byte> values(bytes);
    sim::copy_out(values.data(), device, bytes);
    add({host, nullptr, std::move(values)});
  }
  /// How many have begun.
  [[nodiscard]] size_t begun() {
    const std::lock_guard lock(mutex_);
    return ended_ + copies_.size();
  }
  /// Ends the first `count` of all.
  void end(size_t count) {
    const std::lock_guard lock(mutex_);
    for (; ended_ < count && !copies_.empty(); ++ended_) {
      const Copy copy = std::move(copies_.front());
      copies_.pop_front();
      if (copy.bytes.empty()) continue;
      if (copy.to != nullptr) {
        std::memcpy(copy.to, copy.bytes.data(), copy.bytes.size());
      } else if (std::memcmp(copy.from, copy.bytes.data(), copy.bytes.size()) != 0) {
        ++ended_;
        throw DeviceError("simulator: the host wrote into memory while a copy from it was under way; wait for a mark");
      }
    }
  }
  void end_all() { end(begun()); }

 private:
  struct Copy {
    void* to;          // on the host; or
    const void* from;  // on the host
    std::vector<std::byte> bytes;
  };
  void add(Copy copy) {
    const std::lock_guard lock(mutex_);
    copies_.push_back(std::move(copy));
  }

  std::mutex mutex_;
  std::deque<Copy> copies_;
  size_t ended_ = 0;
};

class SimMark final : public DeviceMark {
 public:
  explicit SimMark(CopiesUnderWay& copies) : copies_(copies) {}
  void set() override { before_ = copies_.begun(); }
  void wait() override { copies_.end(before_); }

 private:
  CopiesUnderWay& copies_;
  size_t before_ = 0;
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
  [[nodiscard]] Processor processor() override { return {132, true, true, size_t{227} * 1024, arrived_}; }
  void* allocate(size_t bytes) noexcept override { return sim::device_malloc(bytes); }
  void release(void* data) noexcept override { sim::device_free(data); }
  [[nodiscard]] std::optional<size_t> free_bytes() const override { return std::nullopt; }
  void copy_in(void* device, const void* host, size_t bytes) override {
    sim::copy_in(device, host, bytes);
    synchronize();
  }
  void copy_out(void* host, const void* device, size_t bytes) override {
    sim::copy_out(host, device, bytes);
    synchronize();
  }
  void copy(void* to, const void* from, size_t bytes) override { sim::copy(to, from, bytes, nullptr); }
  void* allocate_host(size_t bytes) noexcept override { return ::operator new(bytes, std::nothrow); }
  void release_host(void* data) noexcept override { ::operator delete(data); }
  void start_copy_in(void* device, const void* host, size_t bytes) override { copies_.begin_in(device, host, bytes); }
  void start_copy_out(void* host, const void* device, size_t bytes) override { copies_.begin_out(host, device, bytes); }
  [[nodiscard]] std::unique_ptr<DeviceMark> make_mark() override { return std::make_unique<SimMark>(copies_); }
  void synchronize() override { copies_.end_all(); }
  [[nodiscard]] std::unique_ptr<DeviceClock> make_clock() override { return steady_clock(); }
  void begin_capture() override { sim::begin_capture(); }
  std::unique_ptr<DeviceGraph> end_capture() override { return std::make_unique<SimGraph>(sim::end_capture()); }
  void abandon_capture() noexcept override { sim::abandon_capture(); }

 private:
  unsigned* arrived_;
  CopiesUnderWay copies_;
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
