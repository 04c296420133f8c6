// The pools: what is cached is given back before memory is out, and what a recorded step needs is not.
#include "engine/memory.h"

#include "engine/error.h"
#include "engine/ops.h"
#include "engine/rewrites.h"
#include "engine/step.h"
#include "engine/tensor.h"
#include "tests/catch.h"
#include "tests/watched_runtime.h"

#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

using namespace kantor;
using kantor::testing::WatchedRuntime;

namespace {

constexpr Device sim_device{Device::Kind::sim, 0};
constexpr TensorOptions on_sim{DType::float32, sim_device};
constexpr size_t megabyte = 1 << 20;

/// A tensor of so many MiB.
Tensor megabytes(int64_t count, TensorOptions options = on_sim) {
  return empty({count, static_cast<int64_t>(megabyte) / 4}, options);
}

/// While it lives, this process can map no more than `more` bytes beyond what it has.
class AddressLimit {
 public:
  explicit AddressLimit(size_t more) {
    size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    ::getrlimit(RLIMIT_AS, &before_);
    rlimit limit = before_;
    limit.rlim_cur = pages * static_cast<size_t>(::sysconf(_SC_PAGESIZE)) + more;
    ::setrlimit(RLIMIT_AS, &limit);
  }
  ~AddressLimit() { ::setrlimit(RLIMIT_AS, &before_); }
  AddressLimit(const AddressLimit&) = delete;
  AddressLimit& operator=(const AddressLimit&) = delete;

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("memory: what is cached is given back before memory is out") {
  WatchedRuntime runtime;
  runtime.limit = 100 * megabyte;
  (void)megabytes(70);
  CHECK_NOTHROW(megabytes(90));
  const Tensor held = megabytes(20);
  CHECK_NOTHROW(megabytes(80));
  CHECK_THROWS_WITH(megabytes(81), Contains("out of memory on sim") && Contains("held") && !Contains("free"));
  {
    const PoolScope scope(std::make_shared<Pool>(sim_device));  // another pool takes what the device's own has cached
    (void)megabytes(75);
  }
  CHECK(megabytes(80).size() > 0);
}

TEST_CASE("memory: the host's cache, too, is given back before memory is out") {
#ifdef __SANITIZE_ADDRESS__
  WARN("not run: AddressSanitizer reserves address space of its own");
#else
  clear_cache({});
  const AddressLimit limit(300 * megabyte);
  (void)megabytes(180, {});
  CHECK_NOTHROW(megabytes(250, {}));
  CHECK_THROWS_WITH(megabytes(400, {}), Contains("out of memory on cpu"));
#endif
}

TEST_CASE("memory: clear_cache gives back what is cached, and nothing that lives") {
  const Tensor kept = full({1000}, 3, on_sim);
  (void)megabytes(5);
  const MemoryStats before = memory_stats();
  clear_cache(sim_device);
  CHECK(memory_stats().cached_bytes <= before.cached_bytes - 5 * megabyte);
  CHECK(memory_stats().live_bytes == before.live_bytes);
  CHECK(sum(kept).item() == 3000);
}

TEST_CASE("memory: a capture takes and keeps one working set, and a replay finds it whole") {
  for (const Device device : {Device{}, sim_device}) {
    const int64_t elements = 4 * static_cast<int64_t>(megabyte) / 4;
    const Tensor x = full({elements}, 2, {DType::float32, device}), y = zeros({}, {DType::float32, device});
    clear_cache(device);
    const size_t before = memory_stats().cached_bytes;
    Step step([&] { y.copy_from(sum(x * x) - sum(x)); }, device);
    step();
    step();
    const size_t once = memory_stats().cached_bytes - before;
    CHECK(once >= 4 * megabyte);
    step();
    CHECK(memory_stats().cached_bytes - before <= once * 5 / 4);
    x.copy_from(full({elements}, 3, {DType::float32, device}));
    step();
    CHECK(y.item() == 6.0 * static_cast<double>(elements));
  }
}

TEST_CASE("memory: a recorded step keeps its buffers when memory is out, during its capture and after") {
  const RewriteScope as_written("none");
  WatchedRuntime runtime;
  const int64_t elements = static_cast<int64_t>(megabyte) / 4;
  const Tensor x = full({8, elements}, 2, on_sim), y = zeros({8, elements}, on_sim);
  clear_cache(sim_device);
  Step step([&] { y.copy_from(x * x - x * 3); }, sim_device);  // three products of 8 MiB live at a time
  step();
  step();
  runtime.limit = 45 * megabyte;  // x, y and one working set, not two
  step();
  REQUIRE(step.captured());
  CHECK_THROWS_AS(megabytes(20), DeviceError);  // the step's buffers are free, but reserved for it
  std::vector<Tensor> others;
  CHECK_NOTHROW(others.push_back(megabytes(4)));
  x.assign(std::span<const float>(std::vector<float>(static_cast<size_t>(8 * elements), 4.0F)));
  step();
  CHECK(y.to_vector<float>() == std::vector<float>(static_cast<size_t>(8 * elements), 4.0F));
}
