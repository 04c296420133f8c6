// What the simulator finds in pipelines of asynchronous copies and of the products of warpgroups, and in the fragments
// of tensor cores: a wait too few, a missing barrier between stages, a stage that is filled too early, work that nobody
// awaits, missing fences, operands that lie elsewhere, swapped fragments.
#include "tests/sim/pipeline_bugs.h"

#include "kernels/sim/simulator.h"
#include "tests/catch.h"
#include "tests/sim/support.h"

#include <cmath>
#include <numeric>

using namespace kantor;
using namespace kantor::testing;
namespace bugs = kantor::sim::bugs;
using bugs::Pipeline;
using bugs::Warpgroup;

namespace {

std::vector<float> counted(size_t size) {
  std::vector<float> values(size);
  std::iota(values.begin(), values.end(), 1.0F);
  return values;
}

/// In how many of the five orders the pipeline's result is right. A launch that is refused is not.
int right_orders(Pipeline bug) {
  const Array x(counted(512)), y(64);
  int right = 0;
  in_every_order([&] {
    try {
      bugs::pipeline(bug, x.get(), y.get(), nullptr);
    } catch (const KernelError&) {
      return;
    }
    const auto sums = y.host();
    bool all = true;
    for (size_t i = 0; i < 64; ++i) {
      float expected = 0;
      for (size_t stage = 0; stage < 8; ++stage) expected += static_cast<float>(stage * 64 + (i + 1) % 64 + 1);
      all = all && sums[i] == expected;
    }
    right += all ? 1 : 0;
  });
  return right;
}

/// Numbers whose sums are exact.
std::vector<float> small_numbers() {
  std::vector<float> x(64);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(static_cast<int>(i * i * 7 % 11) - 5);
  return x;
}

#ifndef KANTOR_SIM_RACES  // there each of these bugs is a race, which a test below finds
/// In how many of the five orders the warpgroup's result is right.
int right_orders(Warpgroup bug) {
  const std::vector<float> numbers = small_numbers();
  std::vector<float> expected(size_t{64} * 128);
  const auto number = [&](int stage, int row, int k) {
    return numbers[static_cast<size_t>(bugs::stage_element(stage, row, k))];
  };
  for (int i = 0; i < 64 * 128; ++i) {
    for (int k = 0; k < 6 * 32; ++k) {
      expected[static_cast<size_t>(i)] += number(k / 32, i / 128, k % 32) * number(k / 32 + 6, i % 128, k % 32);
    }
  }
  const Array x(numbers), c(expected.size());
  int right = 0;
  in_every_order([&] {
    try {
      bugs::warpgroup(bug, x.get(), c.get(), nullptr);
    } catch (const KernelError&) {
      return;
    }
    right += c.host() == expected ? 1 : 0;
  });
  return right;
}
#endif

}  // namespace

#ifndef KANTOR_SIM_RACES
TEST_CASE("sim: bugs in a pipeline of a warpgroup's products show in one order of threads at least") {
  CHECK(right_orders(Warpgroup::right) == 5);
  for (const Warpgroup bug :
       {Warpgroup::wait_too_few, Warpgroup::stage_overwritten, Warpgroup::sums_too_early, Warpgroup::no_barrier}) {
    INFO(static_cast<int>(bug));
    CHECK(right_orders(bug) < 5);
  }
  CHECK(right_orders(Warpgroup::wrong_swizzle) == 0);
  const Array x(small_numbers()), c(size_t{64} * 128);
  const auto run = [&](Warpgroup bug) { bugs::warpgroup(bug, x.get(), c.get(), nullptr); };
  found([&] { run(Warpgroup::no_operand_fence); }, {"kernel warpgroup_kernel", "a barrier without fence_operands()"});
  found([&] { run(Warpgroup::no_sum_fence); }, {"kernel warpgroup_kernel", "no fence_sums() stands between"});
  found([&] { run(Warpgroup::wrong_place); },
        {"kernel warpgroup_kernel", "does not begin at a multiple of 1024 bytes"});
  sim::set_order(sim::Order::forward);  // in reverse they are made
  CHECK_THROWS_WITH(run(Warpgroup::sums_too_early), Contains("returns before the products of its warpgroup are made"));
}
#endif

TEST_CASE("sim: bugs in a pipeline of asynchronous copies show in one order of threads at least") {
  CHECK(right_orders(Pipeline::right) == 5);
  for (const Pipeline bug : {Pipeline::wait_too_few, Pipeline::no_barrier, Pipeline::stage_too_far}) {
    INFO(static_cast<int>(bug));
    CHECK(right_orders(bug) < 5);
  }
  const Array x(counted(512)), y(64);
  const auto run = [&](Pipeline bug) { bugs::pipeline(bug, x.get(), y.get(), nullptr); };
  found([&] { run(Pipeline::misaligned); }, {"kernel pipeline_kernel", "copy_async at ", "copies 16 bytes"});
  sim::set_order(sim::Order::forward);  // in reverse they have landed
  CHECK_THROWS_WITH(run(Pipeline::not_awaited), Contains("returns before its asynchronous copies have landed"));
}

#ifdef KANTOR_SIM_RACES
TEST_CASE("sim: the race checker reports what is missing between the stages of a pipeline") {
  const Array x(counted(512)), y(64);
  for (const Pipeline bug : {Pipeline::no_barrier, Pipeline::stage_too_far}) {
    INFO(static_cast<int>(bug));
    found([&] { bugs::pipeline(bug, x.get(), y.get(), nullptr); }, {"kernel pipeline_kernel", "shared memory"});
  }
  in_every_order([&] { CHECK_NOTHROW(bugs::pipeline(Pipeline::right, x.get(), y.get(), nullptr)); });
}

TEST_CASE("sim: the race checker reports a stage that is written while a warpgroup may still multiply it") {
  const Array x(small_numbers()), c(size_t{64} * 128);
  const auto run = [&](Warpgroup bug) { bugs::warpgroup(bug, x.get(), c.get(), nullptr); };
  in_every_order([&] { CHECK_NOTHROW(run(Warpgroup::right)); });
  found([&] { run(Warpgroup::no_barrier); }, {"kernel warpgroup_kernel", "shared memory"});
  sim::set_order(sim::Order::forward);  // products are made late
  for (const Warpgroup bug : {Warpgroup::wait_too_few, Warpgroup::stage_overwritten}) {
    CHECK_THROWS_WITH(run(bug), Contains("kernel warpgroup_kernel") && Contains("shared memory"));
  }
}
#endif

TEST_CASE("sim: a tensor core multiplies the fragments that the hardware's layout names") {
  std::vector<float> a(128), b(64), product(128);
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(static_cast<int>(i * 37 % 23) - 11);
  for (size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(static_cast<int>(i * 29 % 19) - 9);
  for (size_t i = 0; i < 16; ++i) {
    for (size_t j = 0; j < 8; ++j) {
      for (size_t k = 0; k < 8; ++k) product[i * 8 + j] += a[i * 8 + k] * b[k * 8 + j];
    }
  }
  const Array left(a), right(b), c(128);
  in_every_order([&] {
    bugs::fragments(true, left.get(), right.get(), c.get(), nullptr);
    CHECK(c.host() == product);
    bugs::fragments(false, left.get(), right.get(), c.get(), nullptr);
    CHECK(c.host() != product);
  });
}
