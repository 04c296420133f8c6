// Tests of the simulator: it reports every planted bug with kernel, block, thread and line; correct kernels pass.
#include "tests/sim/bugs.h"

#include "engine/tensor.h"
#include "kernels/host/threads.h"
#include "kernels/pointwise.h"
#include "kernels/reduce.h"
#include "kernels/sim/simulator.h"
#include "tests/catch.h"
#include "tests/sim/support.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace kantor;
using namespace kantor::testing;
namespace bugs = kantor::sim::bugs;

namespace {

/// What a child process that runs fn writes to its error output before it ends; "" where it ends well.
std::string report_of(const std::function<void()>& fn) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 2);
    close(ends[0]);
    try {
      fn();
    } catch (...) {
      _exit(0);
    }
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(ends[0], buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0 ? "" : text;
}

}  // namespace

TEST_CASE("sim: barriers that not all threads reach are found") {
  found([] { bugs::half_skip(nullptr); },
        {"kernel half_skip_kernel", "block (", "thread (", "barrier divergence", "bugs.cu:", "returned"});
  found([] { bugs::two_barriers(nullptr); }, {"kernel two_barriers_kernel", "barrier divergence", "bugs.cu:"});
}

TEST_CASE("sim: an exception that leaves a kernel is that of the launch, of the lowest block") {
  found([] { bugs::exception_leaves(nullptr); }, {"kernel exception_leaves_kernel, block (2,0,0), thread (40,0,0)",
                                                  "an exception leaves the kernel", "no room for a table"});
}

TEST_CASE("sim: after a kernel at fault the next one runs") {
  CHECK_THROWS_AS(bugs::half_skip(nullptr), KernelError);
  CHECK_THROWS_AS(bugs::exception_leaves(nullptr), KernelError);
  const Array y(256);
  bugs::with_barrier(y.get(), 256, nullptr);
  CHECK(y.host()[3] == 4);
}

TEST_CASE("sim: a missing barrier changes the bits from order to order, a barrier that is there does not") {
  const auto results = [](const auto& kernel) {
    std::vector<std::vector<float>> all;
    in_every_order([&] {
      const Array y(256);
      kernel(y.get(), 256, nullptr);
      all.push_back(y.host());
    });
    return all;
  };
  const auto same = [](const std::vector<std::vector<float>>& all) {
    for (const auto& one : all) {
      if (std::memcmp(one.data(), all[0].data(), one.size() * 4) != 0) return false;
    }
    return true;
  };
  CHECK_FALSE(same(results(bugs::missing_barrier)));
  CHECK(same(results(bugs::with_barrier)));
}

TEST_CASE("sim: collectives with a wrong mask, an absent lane or one that never comes are found") {
  found([] { bugs::mask_omits_caller(nullptr); },
        {"kernel mask_omits_caller_kernel", "__shfl_xor_sync", "0x0000ffff", "omits its caller", "bugs.cu:"});
  found([] { bugs::reads_absent_lane(nullptr); }, {"__shfl_sync", "reads lane 20"});
  found([] { bugs::lane_missing(nullptr); },
        {"kernel lane_missing_kernel", "waits in __syncthreads", "thread (5,0,0)"});
}

TEST_CASE("sim: launches beyond the hardware's limits are refused by name") {
  found([] { bugs::too_many_threads(nullptr); }, {"kernel nothing_kernel", "(1025,1,1)", "1 to 1024"});
  found([] { bugs::too_much_shared(nullptr); }, {"kernel nothing_kernel", "307200 bytes"});
  found([] { bugs::empty_grid(nullptr); }, {"kernel nothing_kernel", "(0,1,1)"});
}

TEST_CASE("sim: device memory that was never written is NaN") {
  auto* data = static_cast<float*>(sim::device_malloc(40));
  std::vector<float> values(10);
  sim::copy_out(values.data(), data, 40);
  for (const float v : values) CHECK(std::isnan(v));
  sim::device_free(data);
}

TEST_CASE("sim: a wrong index is found by a reference") {
  std::vector<float> host(50);
  for (size_t i = 0; i < host.size(); ++i) host[i] = static_cast<float>(i);
  const Array x(50), y(50);
  sim::copy_in(x.get(), host.data(), 200);
  bugs::wrong_index(x.get(), y.get(), 50, nullptr);
  CHECK(y.host() != host);
}

TEST_CASE("sim: a captured list of launches runs only when it is launched, and as often") {
  const Array x(100, 1), y(100, 0);
  const Array workspace(2);
  sim::begin_capture();
  sim::blend(x.get(), y.get(), 1.0, 2.0, 100, nullptr);
  sim::copy(x.get(), y.get(), 400, nullptr);
  const sim::Graph graph = sim::end_capture();
  CHECK(y.host()[0] == 0);
  for (int i = 0; i < 3; ++i) graph.launch();  // y = y + 2 x, x = y
  CHECK(y.host()[99] == 18);
  CHECK_THROWS_AS(sim::end_capture(), KernelError);
}

TEST_CASE("sim: one and several host threads give the same bits") {
  const Array x(70'000, 0.1F), one(1), several(1);
  auto* workspace = static_cast<double*>(sim::device_malloc(static_cast<size_t>(sum_workspace(1, 70'000, 1)) * 8));
  const int before = host::threads();
  host::set_threads(1);
  sim::sum_middle(x.get(), one.get(), 1, 70'000, 1, workspace, nullptr);
  host::set_threads(4);
  sim::sum_middle(x.get(), several.get(), 1, 70'000, 1, workspace, nullptr);
  host::set_threads(before);
  sim::device_free(workspace);
  CHECK(one.host() == several.host());
  CHECK(one.host()[0] == Approx(7000));
}

#if defined(__SANITIZE_ADDRESS__)
TEST_CASE("sim: the sanitizers see accesses outside of global, shared and dynamic shared memory") {
  const Array x(50), y(50), z(32);
  CHECK_THAT(report_of([&] { bugs::read_past_end(x.get(), y.get(), 50, nullptr); }), Contains("AddressSanitizer"));
  CHECK_THAT(report_of([&] { bugs::shared_past_end(z.get(), nullptr); }), Contains("bugs.cu:"));
  CHECK_THAT(report_of([&] { bugs::shared_read_past_end(z.get(), nullptr); }), Contains("bugs.cu:"));
  CHECK_THAT(report_of([&] { bugs::dynamic_past_end(z.get(), nullptr); }), Contains("AddressSanitizer"));
  CHECK(report_of([&] { bugs::with_barrier(y.get(), 50, nullptr); }) == "");
}

TEST_CASE("sim: AddressSanitizer sees the end of a tensor, not only of its buffer") {
  const Tensor x = zeros({50}, {DType::float32, {Device::Kind::sim, 0}});  // 200 bytes; the pool's classes hold 256
  const Array y(50);
  CHECK_THAT(report_of([&] { bugs::read_past_end(x.view().as<float>(), y.get(), 50, nullptr); }),
             Contains("AddressSanitizer"));
}

TEST_CASE("sim: AddressSanitizer sees host code that touches device memory") {
  const Array x(50);
  volatile float sink = 0;
  CHECK_THAT(report_of([&] { sink = x.get()[3]; }), Contains("AddressSanitizer"));
}

TEST_CASE("sim: shared memory that was never written is NaN") {
  const Array y(1);
  bugs::unwritten_shared(y.get(), nullptr);
  CHECK(std::isnan(y.host()[0]));
}
#endif
