#include "engine/stopwatch.h"

#include "engine/runtime.h"

#include <chrono>

namespace kantor {
namespace {

class SteadyClock final : public DeviceClock {
 public:
  void start() override { start_ = std::chrono::steady_clock::now(); }
  double stop() override { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_;
};

}  // namespace

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

}  // namespace kantor
