#include "bench/replay.h"

#include "engine/rewrites.h"
#include "engine/runtime.h"

#include <chrono>
#include <utility>

namespace kantor {

Replay::Replay(std::function<void()> fn, Device device, const std::string& rewrites, const std::function<void()>& first)
    : device_(device), step_(std::move(fn), device), watch_(device) {
  const RewriteScope scope(rewrites);
  step_();
  if (first) first();
  while (!step_.captured()) step_();
  step_();
}

double Replay::seconds(int64_t replays) {
  synchronize(device_);
  watch_.start();
  for (int64_t i = 0; i < replays; ++i) step_();
  return watch_.stop();
}

DirectReplay::DirectReplay(std::function<void()> fn, Device device, bool capture)
    : fn_(std::move(fn)), device_(device), watch_(device) {
  fn_();
  if (!capture || device.kind == Device::Kind::cpu) return;
  CaptureScope scope(runtime(device));
  fn_();
  graph_ = scope.end();
  graph_->launch();
}
DirectReplay::~DirectReplay() = default;

double DirectReplay::seconds(int64_t runs) {
  synchronize(device_);
  if (graph_) {
    watch_.start();
    for (int64_t i = 0; i < runs; ++i) graph_->launch();
    return watch_.stop();
  }
  const auto start = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < runs; ++i) fn_();
  synchronize(device_);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int64_t DirectReplay::launches() const {
  return graph_ ? graph_->launches() : 1;
}

}  // namespace kantor
