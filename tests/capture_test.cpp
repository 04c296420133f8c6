// Captures that are interrupted, nested or watched: afterwards the device runs again, and every launch is seen.
#include "engine/apply.h"
#include "engine/autograd.h"
#include "engine/in_place.h"
#include "engine/observers.h"
#include "engine/ops.h"
#include "engine/optimizer.h"
#include "engine/rewrites.h"
#include "engine/runtime.h"
#include "engine/step.h"
#include "engine/stopwatch.h"
#include "engine/target.h"
#include "tests/catch.h"
#include "tests/watched_runtime.h"

#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

using namespace kantor;
using kantor::testing::WatchedRuntime;

namespace {

constexpr Device sim_device{Device::Kind::sim, 0}, gpu{Device::Kind::cuda, 0};
constexpr TensorOptions on_sim{DType::float32, sim_device};

/// Copies its input; throws at call number `at`, counted over all ops that share the counter.
class FailsOnce final : public OpOf<FailsOnce> {
 public:
  FailsOnce(int* calls, int at) : calls_(calls), at_(at) {}
  [[nodiscard]] const char* name() const override { return "fails_once"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override { return {inputs[0]}; }
  void cpu(Inputs inputs, Outputs outputs) const override {
    count();
    std::memcpy(outputs[0].data, inputs[0].data, bytes(outputs[0]));
  }
  void device(const Target& target, Inputs inputs, Outputs outputs) const override {
    count();
    runtime(target.device).copy(outputs[0].data, inputs[0].data, bytes(outputs[0]));
  }

 private:
  static size_t bytes(const View& view) { return static_cast<size_t>(view.size()) * size_of(view.dtype); }
  void count() const {
    if (++*calls_ == at_) throw KernelError("kernel planted_kernel: a planted failure");
  }
  int* calls_;
  int at_;
};

/// The devices that work here; warns of a GPU that does not.
std::vector<Device> all_devices() {
  std::vector<Device> devices{{}, sim_device};
  if (const std::string reason = why_unavailable(gpu); reason.empty()) {
    devices.push_back(gpu);
  } else {
    WARN("cuda not run: " << reason);
  }
  return devices;
}

/// A profile's row, or one of zeros.
OpProfile row_of(const Profile& profile, const std::string& op) {
  for (const OpProfile& row : profile.rows()) {
    if (row.op == op) return row;
  }
  return {};
}

}  // namespace

TEST_CASE("capture: a throw in a warm-up, or while the graph is made, leaves all as it was") {
  for (const Device device : all_devices()) {
    const TensorOptions options{DType::float32, device};
    for (int at = 1; at <= 3; ++at) {  // two replays op by op; the third call makes the graph, or replays
      INFO(to_string(device) << ", call " << at);
      const Tensor x = full({4}, 2, options), y = zeros({4}, options);
      int calls = 0;
      Step step([&] { y.copy_from(apply1(std::make_shared<const FailsOnce>(&calls, at), {x}) + 1); }, device);
      int thrown = 0;
      while (!step.captured()) {
        try {
          step();
        } catch (const DeviceError& error) {
          ++thrown;
          CHECK_THAT(error.what(), Contains("planted_kernel"));
          CHECK_FALSE(capturing());
          CHECK(step.launches() == 0);
          // Launches and copies run again.
          CHECK((full({2}, 3, options) * 2).to_vector<float>() == std::vector<float>{6, 6});
          const Tensor copy = zeros({2}, options);
          copy.copy_from(full({2}, 7, options));
          CHECK(copy.to_vector<float>() == std::vector<float>{7, 7});
        }
        REQUIRE(calls < 10);
      }
      CHECK(thrown == 1);
      x.copy_from(full({4}, 5, options));
      step();
      CHECK(y.to_vector<float>() == std::vector<float>{6, 6, 6, 6});
    }
  }
}

TEST_CASE("capture: what a failed capture recorded is freed") {
  const Tensor x = full({1000}, 2, on_sim);
  int calls = 0;
  const Tensor y = zeros({1000}, on_sim);
  Step step([&] { y.copy_from(apply1(std::make_shared<const FailsOnce>(&calls, 3), {x}) + 1); }, sim_device);
  step();
  step();
  const MemoryStats before = memory_stats();
  CHECK_THROWS_AS(step(), KernelError);
  CHECK(memory_stats().live_bytes == before.live_bytes);
  CHECK(memory_stats().cached_bytes == before.cached_bytes);
}

TEST_CASE("capture: a runtime's capture that is not ended is abandoned") {
  for (const Device device : all_devices()) {
    if (device.kind == Device::Kind::cpu) continue;
    const Tensor x = zeros({2}, {DType::float32, device});
    CHECK_THROWS_WITH(
        [&] {
          const CaptureScope capture(runtime(device));
          throw Error("planted");
        }(),
        Contains("planted"));
    x.copy_from(full({2}, 1, {DType::float32, device}));
    CHECK(x.to_vector<float>() == std::vector<float>{1, 1});
  }
}

TEST_CASE("capture: a step inside another's recording is refused, recorded or replayed, and goes on") {
  for (const Device device : all_devices()) {
    INFO(to_string(device));
    const Tensor counter = zeros({}, {DType::int64, device});
    Step inner([&] { increment(counter); }, device);
    Step outer([&] { inner(); }, device);
    CHECK_THROWS_WITH(outer(), Contains("recording or replaying another step"));  // the inner step would record
    CHECK_FALSE(capturing());
    while (!inner.captured()) inner();
    CHECK_THROWS_WITH(outer(), Contains("recording or replaying another step"));  // the inner step would replay
    inner();
    CHECK(counter.item() == 4);
    Step around([&] { Step([&] { increment(counter); }, device, false)(); }, device);  // no capture of its own: an op
    for (int i = 0; i < 5; ++i) around();
    CHECK(counter.item() == 9);
  }
}

TEST_CASE("capture: a replay's writes count as writes") {
  for (const Device device : all_devices()) {
    const TensorOptions options{DType::float64, device};
    const Tensor x = full({3}, 2, options), y = zeros({3}, options);
    Step step([&] { y.copy_from(x * 3); }, device);
    while (!step.captured()) step();
    const Tensor leaf = y.detach();
    const Tensor loss = sum(square(leaf)), other = sum(square(x));
    step();
    CHECK_THROWS_AS(grad(loss, {leaf}), VersionError);
    CHECK(grad(other, {x})[0].to_vector<double>() == std::vector<double>{4, 4, 4});  // x is only read
  }
}

TEST_CASE("apply: the NaN check sees devices and replays, and names the op") {
  for (const Device device : all_devices()) {
    INFO(to_string(device));
    const TensorOptions options{DType::float32, device};
    const Tensor x = full({3}, 1, options), y = zeros({3}, options);
    {
      const NanCheck scope;
      CHECK_THROWS_WITH(log(full({2}, -1, options)), Contains("log") && Contains("float32 [2]"));
      CHECK_THROWS_WITH(full({2}, INFINITY, {DType::float64, device}), Contains("fill"));
      CHECK_NOTHROW(exp(x));
    }
    Step step([&] { y.copy_from(exp(log(x) * 2)); }, device);
    {
      const NanCheck scope;  // also while it records
      while (!step.captured()) step();
    }
    x.copy_from(full({3}, -1, options));
    CHECK_NOTHROW(step());
    const NanCheck scope;
    CHECK_THROWS_WITH(step(), Contains("log"));
  }
}

TEST_CASE("apply: a profile's times are the device's own, in replays too") {
  const RewriteScope as_written("none");
  const WatchedRuntime watched;  // reports a second for everything
  const Tensor x = full({3}, 1, on_sim), y = zeros({3}, on_sim), z = zeros({3}, on_sim);
  Step step(
      [&] {
        y.copy_from(exp(exp(x)));
        z.copy_from(x);
      },
      sim_device);
  const Profile profile;
  for (int i = 0; i < 5; ++i) step();
  CHECK(row_of(profile, "exp").calls == 10);
  CHECK(row_of(profile, "exp").seconds == 10);
  CHECK(row_of(profile, "copy").seconds == 10);
}

TEST_CASE("apply: a profile on a GPU waits for the work") {
  if (const std::string reason = why_unavailable(gpu); !reason.empty()) {
    WARN("not run: " << reason);
    return;
  }
  const Tensor a = full({4096, 4096}, 1, {DType::float32, gpu});
  (void)matmul(a, a);
  synchronize(gpu);
  const auto start = std::chrono::steady_clock::now();
  const Profile profile;
  for (int i = 0; i < 10; ++i) (void)matmul(a, a);
  synchronize(gpu);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  CHECK(row_of(profile, "matmul").seconds >= 0.5 * seconds);
  CHECK(row_of(profile, "matmul").seconds <= seconds);
}

TEST_CASE("apply: a kernel's error is a device's error that names op and kernel") {
  static_assert(std::is_base_of_v<DeviceError, KernelError>);  // which ends the program with exit code 4
  int calls = 0;
  CHECK_THROWS_AS(apply1(std::make_shared<const FailsOnce>(&calls, 1), {zeros({2}, on_sim)}), DeviceError);
  calls = 0;
  CHECK_THROWS_WITH(apply1(std::make_shared<const FailsOnce>(&calls, 1), {zeros({2}, on_sim)}),
                    Contains("fails_once: kernel planted_kernel"));
}

TEST_CASE("device: stopwatches do not disturb each other") {
  for (const Device device : all_devices()) {
    Stopwatch outer(device), inner(device);
    outer.start();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    inner.start();
    const double inside = inner.stop(), all = outer.stop();
    INFO(to_string(device) << ": " << inside << " s inside " << all << " s");
    CHECK(all - inside >= 0.04);
  }
}
