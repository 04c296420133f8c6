// The memory traffic of the project's kernels: those that should be ideal are, an H100's counter agrees, and
// docs/kernels/index.md has the counted table.
#include "kernels/gemm.h"
#include "kernels/products/plan.h"
#include "tests/catch.h"
#include "tests/paths.h"
#include "tests/sim/support.h"
#include "tests/sim/traffic_cases.h"

#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <sstream>

using namespace kantor;
using namespace kantor::testing;
using sim::traffic::Kind;
using sim::traffic::Row;
using sim::traffic::Space;
using sim::traffic::total;

namespace {

TrafficCase case_named(const std::string& name) {
  for (TrafficCase& one : pass_cases()) {
    if (one.name == name) return std::move(one);
  }
  FAIL("no case is named " << name);
  return {};
}

/// Transactions above the fewest.
int64_t excess(const Row& row) {
  return row.transactions.taken - row.transactions.fewest;
}

/// Bank conflicts of stores to shared memory in a part of a convolution, whose blocks times steps along k are `parts`.
int64_t conflicts_of_a_step(const std::string& shape, const std::string& op, int64_t parts) {
  for (const TrafficCase& one : product_cases(shape, shape)) {
    if (one.name.rfind(op, 0) != 0 || one.name.find("before") == std::string::npos) continue;
    const int64_t conflicts = excess(total(traffic_of(one), "conv2d", Space::shared, Kind::write));
    CHECK(conflicts % parts == 0);
    return conflicts / parts;
  }
  FAIL("no case for " << shape);
  return 0;
}

}  // namespace

TEST_CASE("traffic: passes over arrays read and write whole sectors, and have no bank conflicts") {
  for (const char* name : {"penalty, 256 x 784", "penalty, 256 x 3072", "interpolation, 256 x 784", "sum of 1048576",
                           "column sums, 256 x 512", "row sums, 512 x 512", "activation, 256 x 512",
                           "sum of two, 256 x 512", "batch norm, 3136 x 128", "batch norm's derivative, 3136 x 128",
                           "layer norm, 256 x 512", "maxmin, 256 x 512", "transposition, 256 x 512"}) {
    INFO(name);
    const auto rows = traffic_of(case_named(name));
    CHECK_FALSE(rows.empty());
    for (const Row& row : rows) {
      INFO(row.file << ":" << row.line);
      CHECK(excess(row) == 0);
    }
  }
  // The arrays, and nothing else worth a percent.
  for (const char* name : {"penalty, 256 x 784", "interpolation, 256 x 784", "sum of 1048576", "activation, 256 x 512",
                           "sum of two, 256 x 512", "maxmin, 256 x 512", "rmsprop + clip, 1 x 65536"}) {
    INFO(name);
    const TrafficCase one = case_named(name);
    const auto rows = traffic_of(one);
    const auto sectors = static_cast<double>(total(rows, "", Space::global, Kind::read).transactions.taken +
                                             total(rows, "", Space::global, Kind::write).transactions.taken);
    const auto arrays = static_cast<double>(one.bytes_read + one.bytes_written) / 32;
    CHECK(sectors >= arrays);
    CHECK(sectors <= 1.04 * arrays);
  }
}

TEST_CASE("traffic: the main loops of the tile engine have no bank conflicts but those of its narrow copies") {
  for (const Arithmetic arithmetic :
       {Arithmetic::float32, Arithmetic::three_tf32, Arithmetic::tf32, Arithmetic::bf16}) {
    for (int tiling = 0; tiling < tilings_of(arithmetic); ++tiling) {
      if (!is_compiled(arithmetic, tiling, 4, 4, false)) continue;
      if (by_warpgroups({arithmetic, tiling})) continue;  // below
      for (const auto& [ta, tb] : {std::pair(false, false), std::pair(false, true), std::pair(true, false)}) {
        INFO("arithmetic " << static_cast<int>(arithmetic) << ", tiling " << tiling << ", transposed " << ta << tb);
        constexpr int64_t m = 128, n = 128, k = 64;
        const Array a(m * k, 1), b(k * n, 1), c(m * n);
        const GemmCall call{ta, tb, m, n, k, a.get(), b.get(), {}, c.get()};
        sim::traffic::start();
        sim::tile_gemm(call, {arithmetic, tiling}, {}, nullptr);
        const auto rows = sim::traffic::stop();
        const char* loop = arithmetic == Arithmetic::float32 ? "multiply_add.h" : "tensor_core.h";
        const Row reads = total(rows, "tile_kernel", Space::shared, Kind::read, loop);
        const Row copies = total(rows, "tile_kernel", Space::shared, Kind::write, "stage_copies.h");
        const Row from = total(rows, "tile_kernel", Space::global, Kind::read, "stage_copies.h");
        for (const Row& row : {reads, copies, from}) CHECK(row.accesses > 0);
        CHECK(excess(reads) == 0);
        CHECK(excess(from) == 0);
        // Each stage is copied once by each block that needs it.
        const Tiling t = tiling_of(arithmetic, tiling);
        const int64_t left = 4 * m * k * (n / t.columns), right = 4 * k * n * (m / t.rows);
        CHECK(from.bytes == left + right);
        CHECK(copies.bytes == left + right);
        // Rows of 16 along k: of the two rows that a quarter warp copies, four banks are the same.
        const int64_t along_k = (ta ? 0 : left) + (tb ? right : 0);
        CHECK(excess(copies) == (t.depth == 16 ? along_k / 128 : 0));
      }
    }
  }
}

TEST_CASE(
    "traffic: products by warpgroups read and store their operands without a bank conflict, as often as counted") {
  for (const Arithmetic arithmetic : {Arithmetic::tf32, Arithmetic::bf16}) {
    for (int tiling = 0; tiling < tilings_of(arithmetic); ++tiling) {
      if (!by_warpgroups({arithmetic, tiling})) continue;
      const Tiling t = tiling_of(arithmetic, tiling);
      for (const auto& [ta, tb] : {std::pair(false, false), std::pair(false, true), std::pair(true, false)}) {
        INFO("arithmetic " << static_cast<int>(arithmetic) << ", tiling " << tiling << ", transposed " << ta << tb);
        const int64_t m = t.rows, n = t.columns, k = 2 * t.depth;
        const Array a(m * k, 1), b(k * n, 1), c(m * n);
        const GemmCall call{ta, tb, m, n, k, a.get(), b.get(), {}, c.get()};
        sim::traffic::start();
        sim::tile_gemm(call, {arithmetic, tiling}, {}, nullptr);
        const auto rows = sim::traffic::stop();
        const Row reads = total(rows, "", Space::shared, Kind::read, "warpgroup.h");
        const Row stores = total(rows, "", Space::shared, Kind::write, "rounded_copies.h");
        const Row from = total(rows, "", Space::global, Kind::read, "rounded_copies.h");
        CHECK(excess(reads) == 0);
        CHECK(excess(from) == 0);
        // Of the two rows across k that half a warp stores in bfloat16, four apart, all banks are the same.
        const int64_t across_k = arithmetic == Arithmetic::bf16 ? 2 * k * ((ta ? m : 0) + (tb ? 0 : n)) : 0;
        CHECK(excess(stores) == across_k / 128);
        // Two warpgroups read the half of A's rows and all of B.
        const int64_t element = arithmetic == Arithmetic::tf32 ? 4 : 2;
        CHECK(reads.bytes == element * k * (m + 2 * n));
        CHECK(reads.transactions.taken == reads.bytes / 128);
        CHECK(stores.bytes == element * k * (m + n));
        CHECK(from.bytes == 4 * k * (m + n));
      }
    }
  }
}

TEST_CASE("traffic: bank conflicts of the kernels before the tile engine are those that an H100 counted") {
  // docs/kernels/index.md has what ncu counted of one launch with a batch of 64, where a multiprocessor holds about one
  // block.
  const auto close = [](int64_t counted, double measured, double most) {
    CHECK(measured >= static_cast<double>(counted));
    CHECK(measured <= most * static_cast<double>(counted));
  };
  // Forward, 49 x 2 and 16 x 4 blocks of 100 and 200 steps; here one tile of pixels in place of 49 and 16.
  close(98 * 100 * conflicts_of_a_step("conv:1x14x14x64:128:5:2:2", "forward", 2 * 100), 627231, 1.001);
  close(64 * 200 * conflicts_of_a_step("conv:1x7x7x128:256:5:2:2", "forward", 4 * 200), 819279, 1.001);
  // Input gradient: 49 tiles of positions in each of four classes; 9, 6, 6 and 4 taps of 128 filters.
  close(49 * 200 * conflicts_of_a_step("conv:1x14x14x64:128:5:2:2", "input_grad", 200), 323214, 1.04);
  CHECK(conflicts_of_a_step("conv:1x14x14x64:128:5:2:2", "weight_grad", 1) == 0);
}

TEST_CASE("traffic: docs/kernels/index.md has the counted table (KANTOR_WRITE_DOCS=1 writes it)") {
  const std::string path = source_folder() / "docs/kernels/index.md";
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  std::string page = text.str();
  const size_t begin = page.find(table_head());
  REQUIRE(begin != std::string::npos);
  const bool write = std::getenv("KANTOR_WRITE_DOCS") != nullptr;
  std::string table = table_head();
  for (const TrafficCase& one : page_cases()) {
    if (!write && !one.quick) continue;
    const std::string lines = table_lines(one, traffic_of(one));
    table += lines;
    if (!write) CHECK_THAT(page, Contains(lines));
  }
  if (!write) return;
  size_t end = begin;
  while (end < page.size() && page[end] == '|') end = page.find('\n', end) + 1;
  std::ofstream(path) << page.replace(begin, end - begin, table);
}
