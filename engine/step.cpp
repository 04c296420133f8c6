#include "engine/step.h"

#include "engine/memory.h"
#include "engine/recorder.h"
#include "engine/runtime.h"

#include <utility>

namespace kantor {
namespace {

constexpr int warm_up_runs = 2;

/// While it lives, this thread records into the recorder, and its temporaries come from the recorder's pool.
class RecorderScope {
 public:
  explicit RecorderScope(Recorder& recorder) : pool_(recorder.pool) { set_recorder(&recorder); }
  ~RecorderScope() { set_recorder(nullptr); }
  RecorderScope(const RecorderScope&) = delete;
  RecorderScope& operator=(const RecorderScope&) = delete;

 private:
  PoolScope pool_;
};

/// What a captured step replays.
struct Recording {
  Recorder recorder;
  std::shared_ptr<Pool> temporaries;
  std::unique_ptr<DeviceGraph> graph;  // of devices that run kernels: the recording as one launch

  /// Runs fn, which does a normal step, and records it.
  Recording(const std::function<void()>& fn, Device device) {
    recorder.pool = std::make_shared<Pool>(device);
    {
      const RecorderScope scope(recorder);
      fn();
    }
    make_graph(device);
  }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  void replay() const {
    for (const auto& storage : recorder.written) ++storage->version;
    if (graph && !observed()) return graph->launch();
    for (const OpCall& call : recorder.calls) run(call);
  }

 private:
  /// Captures the calls once more, as kernels; nothing runs. Temporaries of calls come from a pool of their own:
  /// in the recording's pool every buffer is free by now, also those whose values a call in the middle still needs.
  /// None where kernels are synchronous: a kernel that fails inside a graph has no name.
  void make_graph(Device device) {
    if (device.kind == Device::Kind::cpu || synchronous()) return;
    temporaries = std::make_shared<Pool>(device);
    const PoolScope pool(temporaries);
    CaptureScope capture(runtime(device));
    for (const OpCall& call : recorder.calls) run_alone(call);
    graph = capture.end();
  }
};

}  // namespace

struct Step::State {
  std::function<void()> fn;
  Device device;
  bool capture;
  int runs = 0;
  std::unique_ptr<Recording> recording;
};

Step::Step(std::function<void()> fn, Device device, bool capture)
    : state_(new State{std::move(fn), device, capture, 0, nullptr}) {}
Step::~Step() = default;
Step::Step(Step&&) noexcept = default;
Step& Step::operator=(Step&&) noexcept = default;

void Step::operator()() {
  State& state = *state_;
  if (!state.capture || state.runs < warm_up_runs) {
    state.fn();
    ++state.runs;
    return;
  }
  forbid_in_capture("recording or replaying another step");
  if (state.recording) return state.recording->replay();
  state.recording = std::make_unique<Recording>(state.fn, state.device);
  state.fn = nullptr;
  clear_cache(state.device);  // it has the memory of the warm-up runs; replays have their own
}

bool Step::captured() const {
  return state_->recording != nullptr;
}
int64_t Step::launches() const {
  if (!state_->recording) return 0;
  const Recording& recording = *state_->recording;
  return recording.graph ? recording.graph->launches() : static_cast<int64_t>(recording.recorder.calls.size());
}

bool capturing() {
  return recorder() != nullptr;
}

}  // namespace kantor
