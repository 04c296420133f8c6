// Clusters on the simulator: blocks that wait for each other and touch each other's shared memory, and what must be
// found in them.
#include "kernels/sim/simulator.h"
#include "tests/catch.h"
#include "tests/sim/cluster_bugs.h"
#include "tests/sim/support.h"

#ifdef KANTOR_SIM_RACES
#include "kernels/sim/traffic/counter.h"
#endif

using namespace kantor;
using namespace kantor::testing;
namespace bugs = kantor::sim::bugs;
using bugs::ClusterBug;

namespace {

void pass_on(ClusterBug bug, int blocks = 8, int cluster = 4, bool cooperative = false) {
  std::vector<float> x(static_cast<size_t>(64 * blocks));
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  const Array in(x), out(x.size());
  bugs::pass_on(bug, in.get(), out.get(), blocks, static_cast<unsigned>(cluster), cooperative, nullptr);
  const std::vector<float> y = out.host();
  for (int i = 0; i < 64 * blocks; ++i) {
    const int block = i / 64, first = block - block % cluster;
    const auto of = [&](int rank) { return x[static_cast<size_t>((first + rank % cluster) * 64 + i % 64)]; };
    REQUIRE(y[static_cast<size_t>(i)] == 2 * of(block % cluster + cluster - 1) + of(block % cluster + 1));
  }
}

void sum_in_steps(bool transitive) {
  const int blocks = 8;
  std::vector<float> x(blocks);
  for (int b = 0; b < blocks; ++b) x[static_cast<size_t>(b)] = static_cast<float>(1 << b);
  const Array in(x), parts(blocks), count(1), out(blocks);
  bugs::sum_in_steps(transitive, in.get(), parts.get(), reinterpret_cast<unsigned*>(count.get()), out.get(), blocks, 2,
                     nullptr);
  const std::vector<float> y = out.host();
  for (int b = 0; b < blocks; ++b) REQUIRE(y[static_cast<size_t>(b)] == 255 - x[static_cast<size_t>((b + 1) % blocks)]);
}

}  // namespace

TEST_CASE("sim: the blocks of a cluster meet, and reach each other's shared memory") {
  in_every_order([] {
    for (const int cluster : {1, 2, 4, 8}) pass_on(ClusterBug::nothing, 16, cluster);
    pass_on(ClusterBug::nothing, 9, 3, true);
    pass_on(ClusterBug::nothing, 8, 8, true);
  });
}

TEST_CASE("sim: a cluster barrier that not every block reaches is an error with its place") {
  for (const bool cooperative : {false, true}) {
    found([&] { pass_on(ClusterBug::one_stays_away, 8, 4, cooperative); },
          {"kernel pass_on_kernel", "a barrier that not every block reaches", "waits in cluster_barrier at ",
           "cluster_bugs.cu:", "3 of 4 blocks"});
  }
  found([] { pass_on(ClusterBug::half_stays_away); }, {"cluster_bugs.cu:", "barrier divergence: not every thread"});
  found([] { pass_on(ClusterBug::two_barriers); },
        {"barrier divergence: cluster_barrier at ", "cluster_bugs.cu:", "where other threads of the cluster wait at "});
  pass_on(ClusterBug::nothing);  // and the next launch works
}

TEST_CASE("sim: a peer's shared memory is refused before it has begun, after it has ended, and outside of it") {
  found([] { pass_on(ClusterBug::no_first_barrier); },
        {"kernel pass_on_kernel", "cluster_bugs.cu:", "may not have begun; a cluster_barrier()"});
  // Found whichever of the two comes first.
  found([] { pass_on(ClusterBug::no_last_barrier); },
        {"kernel pass_on_kernel", "cluster_bugs.cu:", "a cluster_barrier() must come between"});
  found([] { pass_on(ClusterBug::outside); }, {"cluster_bugs.cu:", "not in dynamic_shared()"});
  found([] { pass_on(ClusterBug::no_such_rank); }, {"cluster_bugs.cu:", "no block 4 in a cluster of 4"});
}

TEST_CASE("sim: clusters that do not divide the grid, or are too large, are refused") {
  found([] { bugs::cluster_does_not_divide(nullptr); },
        {"kernel empty_kernel", "a grid of (6,1,1) blocks in clusters of 4 along x, which must divide it"});
  found([] { bugs::cluster_too_large(nullptr); }, {"clusters of 9 blocks; 1 to 8 are possible"});
}

TEST_CASE("sim: what a cluster's barrier tells goes on through a counter to other clusters") {
  in_every_order([] { sum_in_steps(true); });
}

#ifdef KANTOR_SIM_RACES
TEST_CASE("sim: a missing cluster barrier is a race") {
  found([] { pass_on(ClusterBug::no_barrier); },
        {"kernel pass_on_kernel", "data race on dynamic shared memory", "cluster_bugs.cu:", "put a cluster_barrier()"});
  found([] { sum_in_steps(false); }, {"kernel sum_in_steps_kernel", "data race on global memory"});
}

TEST_CASE("sim: accesses to a peer's shared memory are counted by themselves") {
  using sim::traffic::Kind;
  using sim::traffic::Space;
  sim::traffic::start();
  pass_on(ClusterBug::nothing, 8, 4);
  const auto rows = sim::traffic::stop();
  for (const Kind kind : {Kind::read, Kind::write}) {
    const sim::traffic::Row row = total(rows, "pass_on_kernel", Space::peer, kind);
    CHECK(row.bytes == 8 * 64 * 4);
    CHECK(row.transactions.fewest == 8 * 64 / 8);
  }
}
#elif defined(__SANITIZE_ADDRESS__)
TEST_CASE("sim: a kernel of clusters keeps its shared memory in dynamic_shared") {
  found([] { bugs::static_in_cluster(Array(128).get(), nullptr); }, {"or one of clusters, uses a __shared__ array"});
}
#endif
