#include "engine/step.h"

#include "engine/memory.h"
#include "engine/recording/explain.h"
#include "engine/recording/plan.h"
#include "engine/recording/recorder.h"
#include "engine/recording/rewrite.h"
#include "engine/runtime.h"

#include <utility>

namespace kantor {
namespace {

constexpr int warm_up_runs = 2;

Recording record(const std::function<void()>& fn, Device device) {
  Recorder recorder(device);
  const RecorderScope scope(recorder);
  fn();
  return recorder.take();
}

/// What a captured step replays.
class Replay {
 public:
  Replay(const std::function<void()>& fn, Device device) : device_(device) {
    Recording recording = record(fn, device);
    rewrite(recording);
    plan_ = make_plan(recording);
  }
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

  void run() const {
    plan_.count_writes();
    if (graph_ && !observed()) return graph_->launch();
    plan_.run();
  }

  /// Makes one launch of the calls; nothing runs. Temporaries of calls come from a pool of their own: in the plan's
  /// pool every buffer is free by now, also those whose values a call in the middle still needs. Does nothing where
  /// kernels are synchronous: a kernel that fails inside a graph has no name.
  void make_graph() {
    if (device_.kind == Device::Kind::cpu || synchronous()) return;
    auto temporaries = std::make_shared<Pool>(device_);
    const PoolScope pool(temporaries);
    CaptureScope capture(runtime(device_));
    for (const OpCall& call : plan_.calls) run_alone(call);
    graph_ = capture.end();
    temporaries_ = std::move(temporaries);
  }

  [[nodiscard]] int64_t launches() const {
    return graph_ ? graph_->launches() : static_cast<int64_t>(plan_.calls.size());
  }

 private:
  Device device_;
  Plan plan_;
  std::shared_ptr<Pool> temporaries_;
  std::unique_ptr<DeviceGraph> graph_;  // of devices that run kernels
};

}  // namespace

struct Step::State {
  std::function<void()> fn;
  Device device;
  bool capture;
  int runs = 0;
  std::unique_ptr<Replay> replay;
};

Step::Step(std::function<void()> fn, Device device, bool capture)
    : state_(new State{std::move(fn), device, capture, 0, nullptr}) {}
Step::~Step() = default;
Step::Step(Step&&) noexcept = default;
Step& Step::operator=(Step&&) noexcept = default;

void Step::operator()() {
  State& state = *state_;
  if (!state.capture) return state.fn();
  forbid_in_capture("recording or replaying another step");
  if (!state.replay) {
    state.replay = std::make_unique<Replay>(state.fn, state.device);
    state.fn = nullptr;
  }
  if (state.runs == warm_up_runs) {
    state.replay->make_graph();
    clear_cache(state.device);  // it has the workspaces of the warm-up runs; the graph has its own
  }
  state.replay->run();
  if (state.runs <= warm_up_runs) ++state.runs;
}

bool Step::captured() const {
  return state_->runs > warm_up_runs;
}
int64_t Step::launches() const {
  return captured() ? state_->replay->launches() : 0;
}

std::string explain_step(const std::function<void()>& fn, Device device) {
  forbid_in_capture("explaining another step");
  Recording recording = record(fn, device);
  const std::string before = list_of(recording);
  rewrite(recording);
  return explain(before, list_of(recording));
}

bool capturing() {
  return recorder() != nullptr;
}

}  // namespace kantor
