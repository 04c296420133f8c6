// A runtime around the simulator's, for tests: it has limited memory, in all and of a block, can be without tensor
// cores, can fail, counts transfers and waits, and measures time by its own clock.
#pragma once

#include "engine/error.h"
#include "engine/memory.h"
#include "engine/runtime.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>

namespace kantor::testing {

/// Replaces the runtime of `sim` while it exists. Frees first what `sim` had cached before.
class WatchedRuntime final : public Runtime {
  Runtime& own_;

 public:
  WatchedRuntime() : own_(sim_runtime()) {
    clear_cache({Device::Kind::sim, 0});
    set_sim_runtime(this);
  }
  ~WatchedRuntime() override { set_sim_runtime(nullptr); }
  WatchedRuntime(const WatchedRuntime&) = delete;
  WatchedRuntime& operator=(const WatchedRuntime&) = delete;

  size_t limit = std::numeric_limits<size_t>::max();    // bytes that can be held at a time
  size_t shared_bytes = own_.processor().shared_bytes;  // that a block may have
  bool tensor_cores = own_.processor().tensor_cores;
  bool copies_fail = false;
  int64_t uploads = 0, downloads = 0;  // copies from the host, and to it
  int64_t waits = 0;                   // of the host, for copies that it had not waited for

  [[nodiscard]] Backend backend() const override { return own_.backend(); }
  [[nodiscard]] Stream stream() const override { return own_.stream(); }
  [[nodiscard]] Processor processor() override {
    Processor processor = own_.processor();
    processor.shared_bytes = shared_bytes;
    processor.tensor_cores = tensor_cores;
    return processor;
  }
  void* allocate(size_t bytes) noexcept override {
    if (bytes > limit || held_ > limit - bytes) return nullptr;
    void* data = own_.allocate(bytes);
    if (data != nullptr) {
      sizes_[data] = bytes;
      held_ += bytes;
    }
    return data;
  }
  void release(void* data) noexcept override {
    if (const auto found = sizes_.find(data); found != sizes_.end()) {
      held_ -= found->second;
      sizes_.erase(found);
    }
    own_.release(data);
  }
  [[nodiscard]] std::optional<size_t> free_bytes() const override { return own_.free_bytes(); }
  void copy_in(void* device, const void* host, size_t bytes) override {
    ++uploads;
    wait_for(++copies_);
    own_.copy_in(device, host, bytes);
  }
  void copy_out(void* host, const void* device, size_t bytes) override {
    ++downloads;
    wait_for(++copies_);
    own_.copy_out(host, device, bytes);
  }
  void* allocate_host(size_t bytes) noexcept override { return own_.allocate_host(bytes); }
  void release_host(void* data) noexcept override { own_.release_host(data); }
  void start_copy_in(void* device, const void* host, size_t bytes) override {
    ++uploads;
    ++copies_;
    own_.start_copy_in(device, host, bytes);
  }
  void start_copy_out(void* host, const void* device, size_t bytes) override {
    ++downloads;
    ++copies_;
    own_.start_copy_out(host, device, bytes);
  }
  [[nodiscard]] std::unique_ptr<DeviceMark> make_mark() override { return std::make_unique<Mark>(*this); }
  void copy(void* to, const void* from, size_t bytes) override {
    if (copies_fail) throw DeviceError("a planted failure of copying");
    own_.copy(to, from, bytes);
  }
  void synchronize() override {
    wait_for(copies_);
    own_.synchronize();
  }
  /// Reports that every measurement took a second.
  [[nodiscard]] std::unique_ptr<DeviceClock> make_clock() override {
    class Second final : public DeviceClock {
     public:
      void start() override {}
      double stop() override { return 1; }
    };
    return std::make_unique<Second>();
  }
  void begin_capture() override { own_.begin_capture(); }
  std::unique_ptr<DeviceGraph> end_capture() override { return own_.end_capture(); }
  void abandon_capture() noexcept override { own_.abandon_capture(); }

 private:
  class Mark final : public DeviceMark {
   public:
    explicit Mark(WatchedRuntime& runtime) : runtime_(runtime), own_(runtime.own_.make_mark()) {}
    void set() override {
      before_ = runtime_.copies_;
      own_->set();
    }
    void wait() override {
      runtime_.wait_for(before_);
      own_->wait();
    }

   private:
    WatchedRuntime& runtime_;
    std::unique_ptr<DeviceMark> own_;
    int64_t before_ = 0;
  };

  void wait_for(int64_t copies) {
    if (copies <= ended_) return;
    ++waits;
    ended_ = copies;
  }

  int64_t copies_ = 0, ended_ = 0;  // begun, and known to have ended
  size_t held_ = 0;
  std::map<void*, size_t> sizes_;
};

}  // namespace kantor::testing
