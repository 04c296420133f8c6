// Bulk copies to all blocks of a cluster on the simulator, and what must be found in them.
#include "kernels/sim/simulator.h"
#include "tests/catch.h"
#include "tests/sim/multicast_bugs.h"
#include "tests/sim/support.h"

#ifdef KANTOR_SIM_RACES
#include "kernels/sim/traffic/counter.h"
#endif

using namespace kantor;
using namespace kantor::testing;
namespace bugs = kantor::sim::bugs;
using bugs::MulticastBug;

namespace {

constexpr size_t size = bugs::multicast_rows * 64;

/// Returns whether the sums are right.
bool sums_are_right(MulticastBug bug, int blocks = 8, unsigned cluster = 4) {
  std::vector<float> x(size), z(size);
  for (size_t i = 0; i < size; ++i) {
    x[i] = static_cast<float>(i);
    z[i] = static_cast<float>(i % 7);
  }
  const Array first(x), second(z), out(static_cast<size_t>(64 * blocks));
  bugs::multicast(bug, first.get(), second.get(), out.get(), blocks, cluster, nullptr);
  const std::vector<float> y = out.host();
  for (size_t i = 0; i < y.size(); ++i) {
    float of_x = 0, of_z = 0;
    for (size_t row = 0; row < bugs::multicast_rows; ++row) {
      of_x += x[row * 64 + i % 64];
      of_z += z[row * 64 + i % 64];
    }
    if (y[i] != 2 * of_x + of_z) return false;
  }
  return true;
}

/// Found in every order, with these texts and a line of the kernel.
void planted(MulticastBug bug, std::vector<std::string> texts) {
  texts.emplace_back("kernel multicast_kernel");
  texts.emplace_back("multicast_bugs.cu:");
  found([&] { sums_are_right(bug); }, texts);
}

}  // namespace

TEST_CASE("sim: the blocks of a cluster load together") {
  in_every_order([] {
    for (const unsigned cluster : {1U, 2U, 4U, 8U}) CHECK(sums_are_right(MulticastBug::nothing, 8, cluster));
  });
}

TEST_CASE("sim: bulk copies that nobody awaits are found") {
  for (const MulticastBug bug : {MulticastBug::no_wait, MulticastBug::same_parity}) {
    planted(bug, {"ends while the copy that block (", "started at", "an mbarrier_wait() must come between"});
  }
  planted(MulticastBug::no_meeting, {"copy_bulk at ", "the phase before has not been awaited"});
  planted(MulticastBug::one_ends, {"must come between"});  // whether it has ended or is about to
}

TEST_CASE("sim: bulk copies of another number of bytes than was announced are found, and hang nothing") {
  planted(MulticastBug::too_few_bytes, {"16 bytes more are copied than mbarrier_expect() announced"});
  planted(MulticastBug::a_copy_too_few, {"announced"});
  planted(MulticastBug::too_many_bytes, {"the phase of an mbarrier of block (", "does not end",
                                         "waits in mbarrier_wait at ", "for 16 bytes and 0 arrivals"});
}

TEST_CASE("sim: misplaced bulk copies and mbarriers are found") {
  planted(MulticastBug::misaligned_target, {"copy_bulk at ", "256 bytes to byte ", "must be multiples of 16"});
  planted(MulticastBug::misaligned_bytes, {"copy_bulk at ", "248 bytes", "must be multiples of 16"});
  planted(MulticastBug::misaligned_barrier, {"mbarrier_init at ", "at a multiple of 8 bytes"});
  planted(MulticastBug::no_barrier_there, {"no mbarrier_init() has made one there in block ("});
  planted(MulticastBug::overwritten, {"something else was written to the mbarrier that mbarrier_init() at "});
  planted(MulticastBug::no_such_block, {"copy_bulk at ", "names blocks that a cluster of 4 does not have"});
  planted(MulticastBug::outside, {"copy_bulk at ", "not in dynamic_shared()"});
}

TEST_CASE("sim: bulk copies without their fences are found") {
  planted(MulticastBug::no_init_fence, {"copy_bulk at ", "no fence_mbarrier_init() has followed mbarrier_init() at "});
  planted(MulticastBug::no_first_barrier, {"mbarrier_init()"});  // of a block that has not come to it, or has
  for (const MulticastBug bug : {MulticastBug::no_proxy_fence, MulticastBug::fence_too_early}) {
    planted(bug, {"copy_bulk at ", "no fence_async_proxy() stands between this thread's last barrier and it"});
  }
  CHECK(sums_are_right(MulticastBug::nothing));  // and the next launch works
}

#ifdef KANTOR_SIM_RACES
TEST_CASE("sim: bulk copies into what others read, and reads before the wait, are races") {
  for (const MulticastBug bug : {MulticastBug::late_read, MulticastBug::early_read, MulticastBug::one_waits}) {
    INFO(static_cast<int>(bug));
    planted(bug, {"data race on dynamic shared memory"});
  }
  planted(MulticastBug::source_changes, {"data race on global memory"});
}

TEST_CASE("sim: a bulk copy reads device memory once for all blocks of the cluster") {
  using sim::traffic::Kind;
  using sim::traffic::Space;
  for (const unsigned cluster : {1U, 4U}) {
    sim::traffic::start();
    CHECK(sums_are_right(MulticastBug::nothing, 8, cluster));
    const auto rows = sim::traffic::stop();
    constexpr int64_t loads = 2 * size * 4;  // bytes
    CHECK(total(rows, "multicast_kernel", Space::global, Kind::read).bytes == loads * 8 / cluster);
    CHECK(total(rows, "multicast_kernel", Space::shared, Kind::write).bytes == loads * 8 / cluster + 8 * 8);
    CHECK(total(rows, "multicast_kernel", Space::peer, Kind::write).bytes == loads * 8 / cluster * (cluster - 1));
  }
}
#else
TEST_CASE("sim: a bulk copy lands at the wait, or at once: reads that are too early differ by the order of threads") {
  for (const MulticastBug bug : {MulticastBug::late_read, MulticastBug::early_read}) {
    bool right = true;
    in_every_order([&] { right = sums_are_right(bug) && right; });
    CHECK_FALSE(right);
  }
}
#endif
