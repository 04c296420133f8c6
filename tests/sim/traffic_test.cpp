// The counter of memory traffic: kernels whose sectors and passes are known by hand, the project's kernels, and an
// H100's counter of bank conflicts.
#include "kernels/sim/simulator.h"
#include "kernels/sim/traffic/counter.h"
#include "tests/catch.h"
#include "tests/sim/support.h"
#include "tests/sim/traffic_kernels.h"

#include <functional>

using namespace kantor;
using namespace kantor::testing;
namespace patterns = kantor::sim::patterns;
using sim::traffic::Kind;
using sim::traffic::Row;
using sim::traffic::Space;
using sim::traffic::Transactions;

namespace {

std::vector<Row> counted(const std::function<void()>& run) {
  sim::traffic::start();
  run();
  return sim::traffic::stop();
}

/// Accesses of warps, bytes, transactions and the fewest, in the one line of the kernel of that space and kind.
struct Sum {
  int64_t accesses, bytes, taken, fewest;
  friend bool operator==(const Sum&, const Sum&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Sum& s) {
    return out << s.accesses << " accesses, " << s.bytes << " bytes, " << s.taken << " transactions of " << s.fewest;
  }
};
Sum sum_of(const std::vector<Row>& rows, Space space, Kind kind) {
  const Row row = total(rows, "", space, kind);
  return {row.accesses, row.bytes, row.transactions.taken, row.transactions.fewest};
}

const auto global = Space::global, shared = Space::shared;

}  // namespace

TEST_CASE("traffic: sectors of global memory, coalesced, strided, misaligned, the same word, and part of a warp") {
  const Array x(32 * 32 + 8), y(128);
  const auto strided = [&](int threads, int stride, int offset) {
    return counted([&] { patterns::strided(x.get(), y.get(), threads, stride, offset, nullptr); });
  };
  const auto reads = [&](int threads, int stride, int offset) {
    return sum_of(strided(threads, stride, offset), global, Kind::read);
  };
  CHECK(reads(32, 1, 0) == Sum{1, 128, 4, 4});
  CHECK(reads(32, 2, 0) == Sum{1, 128, 8, 4});
  CHECK(reads(32, 32, 0) == Sum{1, 128, 32, 4});
  CHECK(reads(32, 1, 1) == Sum{1, 128, 5, 4});
  CHECK(reads(32, 0, 3) == Sum{1, 128, 1, 1});
  CHECK(reads(32, -1, 31) == Sum{1, 128, 4, 4});
  CHECK(reads(20, 1, 0) == Sum{1, 80, 3, 3});
  CHECK(reads(52, 1, 0) == Sum{2, 208, 7, 7});
  CHECK(sum_of(strided(52, 1, 0), global, Kind::write) == Sum{2, 208, 7, 7});
}

TEST_CASE("traffic: a row names kernel, file and line") {
  const Array x(32), y(32);
  const auto rows = counted([&] { patterns::strided(x.get(), y.get(), 32, 1, 0, nullptr); });
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].kernel == "strided_kernel");
  CHECK(rows[0].file == "traffic_kernels.cu");
  CHECK(rows[0].kind == Kind::read);
  CHECK(rows[1].kind == Kind::write);
  CHECK(rows[1].line == rows[0].line + 1);
  CHECK(counted([] {}).empty());
}

#if defined(__GNUC__) && !defined(__clang__)  // clang takes structures apart before it tells of their accesses
TEST_CASE("traffic: packs and pairs are one access, other structures one of each part") {
  const Array x(192), y(192);
  const auto rows = counted([&] { patterns::packed(x.get(), y.get(), nullptr); });
  REQUIRE(rows.size() == 4);
  for (const Row& row : rows) {
    const bool pack = row.bytes == 512;
    CHECK(row.accesses == 1);
    CHECK(row.file == "traffic_kernels.cu");
    CHECK(row.transactions == (pack ? Transactions{16, 16} : Transactions{8, 8}));
  }
  const auto threes = counted(
      [&] { patterns::structures(reinterpret_cast<double*>(x.get()), reinterpret_cast<double*>(y.get()), nullptr); });
  CHECK(sum_of(threes, global, Kind::read) == Sum{3, 768, 3 * 24, 3 * 8});
}

TEST_CASE("traffic: of shared memory 16 bytes a lane are taken a quarter warp at a time, 8 bytes half a warp") {
  const Array y(128);
  const auto of = [&](int bytes, int stride) {
    const auto rows = counted([&] { patterns::shared_strided(bytes, stride, y.get(), nullptr); });
    const Sum write = sum_of(rows, shared, Kind::write), read = sum_of(rows, shared, Kind::read);
    CHECK(write == read);
    return read;
  };
  CHECK(of(8, 1) == Sum{1, 256, 2, 2});
  CHECK(of(8, 2) == Sum{1, 256, 4, 2});
  CHECK(of(16, 1) == Sum{1, 512, 4, 4});
  CHECK(of(16, 2) == Sum{1, 512, 8, 4});
  CHECK(of(16, 3) == Sum{1, 512, 4, 4});
  CHECK(of(16, 8) == Sum{1, 512, 32, 4});
}
#endif

TEST_CASE("traffic: passes over shared memory, without conflicts, with 2 and 32 ways, and broadcasts") {
  const Array y(128);
  const auto of = [&](int stride) {
    const auto rows = counted([&] { patterns::shared_strided(4, stride, y.get(), nullptr); });
    const Sum write = sum_of(rows, shared, Kind::write), read = sum_of(rows, shared, Kind::read);
    CHECK(write == read);
    return read;
  };
  CHECK(of(1) == Sum{1, 128, 1, 1});
  CHECK(of(2) == Sum{1, 128, 2, 1});
  CHECK(of(3) == Sum{1, 128, 1, 1});
  CHECK(of(32) == Sum{1, 128, 32, 1});
  CHECK(of(33) == Sum{1, 128, 1, 1});
  const auto same = counted([&] { patterns::shared_broadcast(y.get(), nullptr); });
  CHECK(sum_of(same, shared, Kind::read) == Sum{1, 128, 1, 1});
  CHECK(sum_of(same, shared, Kind::write) == Sum{1, 4, 1, 1});
}

TEST_CASE("traffic: a transposed tile has 32 passes a column without padding, and one with") {
  const Array x(1024), y(1024);
  const auto rows = [&](int row) { return counted([&] { patterns::transpose(row, x.get(), y.get(), nullptr); }); };
  CHECK(sum_of(rows(32), shared, Kind::write) == Sum{32, 4096, 32, 32});
  CHECK(sum_of(rows(32), shared, Kind::read) == Sum{32, 4096, 1024, 32});
  CHECK(sum_of(rows(33), shared, Kind::read) == Sum{32, 4096, 32, 32});
}

TEST_CASE("traffic: lanes that took different branches and iterations are counted as a warp executes them") {
  const Array x(1024), y(32);
  const auto alternating = counted([&] { patterns::alternating(x.get(), y.get(), nullptr); });
  CHECK(sum_of(alternating, global, Kind::read) == Sum{4, 256, 16, 8});
  // Turn t has the lanes t to 31. Their sectors: 4 for t = 0 to 7, and so on.
  const auto triangle = counted([&] { patterns::triangle(x.get(), y.get(), nullptr); });
  CHECK(sum_of(triangle, global, Kind::read) == Sum{32, 528 * 4, 8 * (4 + 3 + 2 + 1), 8 * (4 + 3 + 2 + 1)});
  const auto branches = counted([&] { patterns::two_branches(x.get(), y.get(), nullptr); });
  CHECK(sum_of(branches, global, Kind::read) == Sum{2, 128, 8, 4});
}

TEST_CASE("traffic: atomics, asynchronous copies and loads of matrices are counted as their instructions") {
  const Array x(128), y(128);
  const auto atomics = [&](int different) {
    return sum_of(counted([&] { patterns::shared_atomic(different, reinterpret_cast<int*>(y.get()), nullptr); }),
                  shared, Kind::atomic);
  };
  CHECK(atomics(32) == Sum{1, 128, 1, 1});
  CHECK(atomics(4) == Sum{1, 128, 8, 1});
  CHECK(atomics(1) == Sum{1, 128, 32, 1});
  const auto copies = counted([&] { patterns::copies(24, x.get(), y.get(), nullptr); });
  CHECK(sum_of(copies, global, Kind::read) == Sum{2, 24 * 16 + 128, 12 + 4, 12 + 4});
  CHECK(sum_of(copies, shared, Kind::write) == Sum{2, 512 + 128, 4 + 1, 4 + 1});
  const auto matrices = [&](int row) {
    return sum_of(counted([&] { patterns::matrices(row, y.get(), nullptr); }), shared, Kind::read);
  };
  CHECK(matrices(4) == Sum{1, 512, 4, 4});
  CHECK(matrices(36) == Sum{1, 512, 4, 4});
  CHECK(matrices(32) == Sum{1, 512, 32, 4});
}

TEST_CASE("traffic: launches are told by kernel and shape, and the first accesses of each line by their arrays") {
  const Array x(96), y(64);
  sim::traffic::start(1);
  patterns::strided(x.get(), y.get(), 32, 2, 1, nullptr);
  patterns::strided(x.get(), y.get(), 64, 1, 0, nullptr);
  patterns::strided(x.get(), y.get(), 32, 1, 0, nullptr);
  patterns::shared_strided(4, 32, y.get(), nullptr);
  const auto rows = sim::traffic::stop();
  const auto launches = sim::traffic::launches();
  REQUIRE(launches.size() == 3);
  CHECK(launches[0].kernel == "strided_kernel");
  CHECK(launches[0].launches == 2);
  CHECK(launches[0].blocks == 1);
  CHECK(launches[0].threads == 32);
  CHECK(launches[1].kernel == "strided_kernel");
  CHECK(launches[1].launches == 1);
  CHECK(launches[1].threads == 64);

  const auto samples = sim::traffic::samples();
  REQUIRE(samples.size() == rows.size());  // one of each line
  CHECK(samples[0].of.line == rows[0].line);
  CHECK(samples[0].of.kind == Kind::read);
  CHECK(samples[0].array == 0);
  CHECK(samples[1].of.kind == Kind::write);
  CHECK(samples[1].array == 1);
  for (size_t lane = 0; lane < 32; ++lane) {
    const auto i = static_cast<int64_t>(lane);
    CHECK(samples[0].offset[lane] == 4 * (1 + 2 * i));
    CHECK(samples[1].offset[lane] == 4 * i);
    CHECK(samples[2].of.space == Space::shared);
    CHECK(samples[2].offset[lane] == 4 * 32 * i);
  }
  CHECK(samples[0].lanes == 0xffffffffU);
  sim::traffic::start();
  CHECK(sim::traffic::stop().empty());
  CHECK(sim::traffic::samples().empty());
}

TEST_CASE("traffic: all samples of an instruction are of its first warp") {
  const Array x(128), y(64);
  for (const bool reverse : {false, true}) {
    sim::set_order(reverse ? sim::Order::reverse : sim::Order::forward);
    sim::traffic::start(8);
    for (int launch = 0; launch < 2; ++launch) patterns::strided(x.get(), y.get(), 64, 2, 0, nullptr);
    (void)sim::traffic::stop();
    sim::set_order(sim::Order::forward);
    const auto samples = sim::traffic::samples();
    REQUIRE(samples.size() == 2);  // of four accesses of each line
    for (const auto& sample : samples) {
      CHECK(sample.warp == 0);
      CHECK(sample.block == 0);
      CHECK(sample.begin == reinterpret_cast<uintptr_t>(sample.of.kind == Kind::read ? x.get() : y.get()));
    }
  }
}

TEST_CASE("traffic: the counts do not depend on the order of threads") {
  const Array x(1024), y(1024);
  std::vector<Row> first;
  in_every_order([&] {
    const auto rows = counted([&] {
      patterns::triangle(x.get(), y.get(), nullptr);
      patterns::copies(24, x.get(), y.get(), nullptr);
      patterns::transpose(32, x.get(), y.get(), nullptr);
    });
    if (first.empty()) first = rows;
    REQUIRE(rows.size() == first.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      CHECK(rows[i].line == first[i].line);
      CHECK(rows[i].accesses == first[i].accesses);
      CHECK(rows[i].bytes == first[i].bytes);
      CHECK(rows[i].transactions == first[i].transactions);
    }
  });
}
