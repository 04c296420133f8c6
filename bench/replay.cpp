#include "bench/replay.h"

#include "engine/rewrites.h"

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

}  // namespace kantor
