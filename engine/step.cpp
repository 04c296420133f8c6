#include "engine/step.h"

#include "engine/recorder.h"
#include "engine/runtime.h"

#include <utility>

namespace kantor {
namespace {

constexpr int warm_up_runs = 2;

/// While it lives, this thread records into the recorder, and its temporaries come from the recorder's pool.
class CaptureScope {
 public:
  explicit CaptureScope(Recorder& recorder) : pool_(recorder.pool) { set_recorder(&recorder); }
  ~CaptureScope() { set_recorder(nullptr); }
  CaptureScope(const CaptureScope&) = delete;
  CaptureScope& operator=(const CaptureScope&) = delete;

 private:
  PoolScope pool_;
};

}  // namespace

struct Step::State {
  std::function<void()> fn;
  Device device;
  bool capture;
  int runs = 0;
  bool recorded = false;
  Recorder recorder;
  std::shared_ptr<Pool> temporaries;
  std::unique_ptr<DeviceGraph> graph;  // of devices that run kernels: the recording as one launch

  void replay() {
    if (graph && !observed()) return graph->launch();
    for (const Launch& launch : recorder.launches) run(launch);
  }
  /// Records the launches once more, as kernels; nothing runs. Temporaries of launches come from a pool of their own:
  /// in the recording's pool every buffer is free by now, also those whose values a launch in the middle still needs.
  /// None where launches are synchronous: a kernel that fails inside a graph has no name.
  void make_graph() {
    if (device.kind == Device::Kind::cpu || synchronous()) return;
    temporaries = std::make_shared<Pool>(device);
    const PoolScope scope(temporaries);
    Runtime& r = runtime(device);
    r.begin_capture();
    for (const Launch& launch : recorder.launches) run(launch);
    graph = r.end_capture();
  }
};

Step::Step(std::function<void()> fn, Device device, bool capture)
    : state_(new State{std::move(fn), device, capture, 0, false, {}, nullptr, nullptr}) {}
Step::~Step() = default;
Step::Step(Step&&) noexcept = default;
Step& Step::operator=(Step&&) noexcept = default;

void Step::operator()() {
  State& state = *state_;
  if (state.recorded) {
    state.replay();
    return;
  }
  if (!state.capture || state.runs < warm_up_runs) {
    state.fn();
    ++state.runs;
    return;
  }
  forbid_in_capture("capturing a step");
  state.recorder = {};
  state.recorder.pool = std::make_shared<Pool>(state.device);
  {
    const CaptureScope scope(state.recorder);
    state.fn();
  }
  state.make_graph();
  state.recorded = true;
  state.fn = nullptr;
}

bool Step::captured() const {
  return state_->recorded;
}
int64_t Step::launches() const {
  return state_->graph ? state_->graph->launches() : static_cast<int64_t>(state_->recorder.launches.size());
}

bool capturing() {
  return recorder() != nullptr;
}

}  // namespace kantor
