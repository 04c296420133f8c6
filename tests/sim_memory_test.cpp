// The simulator's device memory is closed to host code, in every build: each access is reported with the calls
// that led there; and device work that is given host memory is refused by name.
#include "engine/op.h"
#include "engine/ops.h"
#include "engine/runtime.h"
#include "engine/target.h"
#include "engine/tensor.h"
#include "kernels/pointwise.h"
#include "kernels/sim/simulator.h"
#include "tests/catch.h"

#include <csignal>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace kantor;

namespace {

constexpr Device sim_device{Device::Kind::sim, 0};

struct End {
  int status = 0;
  std::string text;  // of its error output
};

/// How a child process that runs fn ends.
End end_of(const std::function<void()>& fn) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    std::signal(SIGSEGV, SIG_DFL);  // or the test framework's handler would report it too
    try {
      fn();
    } catch (...) {
      _exit(3);
    }
    _exit(0);
  }
  close(ends[1]);
  End end;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(ends[0], buffer, sizeof buffer)) > 0;) end.text.append(buffer, static_cast<size_t>(n));
  close(ends[0]);
  waitpid(child, &end.status, 0);
  return end;
}

/// Tensor::copy_from as it was before it ran on a real GPU: on the target's device, with a pointer of the source's.
class PlantedCopy final : public OpOf<PlantedCopy> {
 public:
  [[nodiscard]] const char* name() const override { return "copy"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override { return {inputs[0]}; }
  __attribute__((noinline)) void cpu(Inputs inputs, Outputs outputs) const override {
    std::memcpy(outputs[0].data, inputs[0].data, static_cast<size_t>(outputs[0].size()) * size_of(outputs[0].dtype));
    asm volatile("" ::: "memory");  // prevents a tail call: the test looks for this frame
  }
  void device(const Target& target, Inputs inputs, Outputs outputs) const override {
    const size_t bytes = static_cast<size_t>(outputs[0].size()) * size_of(outputs[0].dtype);
    runtime(target.device).copy(outputs[0].data, inputs[0].data, bytes);
  }
};

#if defined(__SANITIZE_ADDRESS__)
const std::string report = "AddressSanitizer";
#else
const std::string report = "host code touched the simulator's device memory";
#endif

}  // namespace

TEST_CASE("sim: host code that reads or writes device memory is reported, in every build") {
  const End reads = end_of([] {
    const Tensor x = ones({50}, {DType::float32, sim_device});
    volatile float sink = x.view().as<float>()[3];
    (void)sink;
  });
  CHECK(WIFSIGNALED(reads.status));
  CHECK_THAT(reads.text, Contains(report));
  const End writes = end_of([] {
    const Tensor x = ones({100'000}, {DType::float64, sim_device});
    *(x.view().as<volatile double>() + 99'999) = 1;
  });
  CHECK_THAT(writes.text, Contains(report));
  const End allowed = end_of([] {
    const Tensor x = ones({50}, {DType::float32, sim_device});
    if ((x + x).to_vector<float>()[3] != 2) _exit(4);
  });
  CHECK(allowed.status == 0);
  CHECK(allowed.text.empty());
}

TEST_CASE("sim: copy_from as it was is reported with its place, from the device and to it") {
  const End from = end_of([] {
    const Tensor x = ones({50}, {DType::float32, sim_device}), y = zeros({50});
    const std::vector<View> inputs{x.view()}, outputs{y.view()};
    PlantedCopy().cpu(inputs, outputs);
  });
  CHECK(from.status != 0);
  CHECK_THAT(from.text, Contains(report));
  CHECK_THAT(from.text, Contains("PlantedCopy::cpu") || Contains("addr2line tells the function"));
  const Tensor x = ones({50}), y = zeros({50}, {DType::float32, sim_device});
  const std::vector<View> inputs{x.view()}, outputs{y.view()};
  CHECK_THROWS_WITH(PlantedCopy().device(target_of(sim_device), inputs, outputs),
                    Contains("source of a copy on the device") && Contains("is no device memory"));
  CHECK_THROWS_WITH(PlantedCopy().device(target_of(sim_device), outputs, inputs),
                    Contains("target of a copy on the device"));
}

TEST_CASE("sim: a kernel that is given host memory is refused by its name and the parameter") {
  const Tensor y = zeros({50}, {DType::float32, sim_device});
  std::vector<float> host(50);
  CHECK_THROWS_WITH(sim::blend(host.data(), y.view().as<float>(), 1.0, 1.0, 50, nullptr),
                    Contains("kernel blend_kernel") && Contains(": parameter 1,") && Contains("is no device memory"));
  CHECK_THROWS_WITH(sim::copy_in(host.data(), host.data(), 4), Contains("target of a copy from the host"));
  CHECK_THROWS_WITH(sim::copy_out(host.data(), host.data(), 4), Contains("source of a copy to the host"));
}

TEST_CASE("sim: device memory that was given back is used again, neighbours as one") {
  const size_t kib = 1024;
  std::vector<void*> pieces;
  for (int i = 0; i < 4; ++i) pieces.push_back(sim::device_malloc(64 * kib));
  for (void* piece : pieces) {
    REQUIRE(piece != nullptr);
    CHECK(reinterpret_cast<uintptr_t>(piece) % 256 == 0);
  }
  for (const size_t i : {1U, 3U, 2U, 0U}) sim::device_free(pieces[i]);
  void* whole = sim::device_malloc(256 * kib);
#if !defined(__SANITIZE_ADDRESS__)
  CHECK(whole == pieces[0]);
#endif
  sim::device_free(whole);
  sim::device_free(nullptr);
  CHECK(sim::device_malloc(std::numeric_limits<size_t>::max() / 2) == nullptr);
}
