// The suites of `kantor bench` as a user runs them, quickly: what every row says, that all are right and none beyond
// what the machine does, and the options that suites share.
#include "tests/program.h"

#include <algorithm>
#include <fmt/format.h>
#include <string>
#include <vector>

using namespace kantor;
using nlohmann::json;

namespace {

json ran(const std::vector<std::string>& arguments, std::string* table = nullptr, std::string* progress = nullptr) {
  const ProgramFolder folder;
  std::vector<std::string> all{"bench"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  all.insert(all.end(), {"--json", folder / "b.json"});
  const ProgramResult result = run_kantor(all);
  INFO(result.out << result.err);
  REQUIRE(result.code == 0);
  if (table != nullptr) *table = result.out;
  if (progress != nullptr) *progress = result.err;
  return json::parse(text_of(folder / "b.json"));
}

void check_file(const json& bench, const std::string& suite, const std::string& device) {
  CHECK(bench["schema"] == "kantor-bench");
  CHECK(bench["version"] == 1);
  CHECK(bench["suite"] == suite);
  CHECK(bench["device"] == device);
  const bool simulated = device == "sim";
  CHECK(bench["simulated"] == simulated);
  CHECK(bench["arithmetic"] == "float32");
  CHECK(bench["time"].get<std::string>().size() == 20);
  for (const char* key : {"copy", "update", "read", "write"}) {
    CHECK(bench["machine"][fmt::format("{}_bytes_per_second", key)] > 0);
    CHECK(bench["machine"][fmt::format("{}_spread", key)] >= 1);
  }
  CHECK(bench["machine"]["product_flops_per_second"] > 0);
  if (!simulated) CHECK(bench["machine"]["product_by"].get<std::string>().find(" x ") != std::string::npos);
  for (const char* key : {"others", "steal", "machine_repeats", "clocks", "throttle", "warning"}) {
    CHECK(bench["load"].contains(key));
  }
  for (const json& row : bench["rows"]) {
    INFO(row.dump());
    CHECK(row["dtype"] == "float32");
    CHECK(row["passed"] == true);
    CHECK(row["error"] <= row["allowed"]);
    CHECK(row["seconds"] > 0);
    CHECK(row["best"] <= row["p10"]);
    CHECK(row["p10"] <= row["p90"]);
    CHECK(row["samples"].size() == row["repetitions"]);
    CHECK(row["launches"] >= 1);
    CHECK(row["floor"] >= 0);
    CHECK(row["over"] == false);
    CHECK(row["share"].is_null() ==
          (simulated || row["floor"] == 0 || (row["bound"] != "product" && row["cold"].is_null())));
    if (!row["share"].is_null()) CHECK(row["share"] <= row["spread"]);
  }
}

}  // namespace

TEST_CASE("program: bench kernels has a row of each family, compared with float64, on cpu and sim") {
  for (const char* device : {"cpu", "sim"}) {
    std::string table, progress;
    const json bench = ran({"kernels", "--quick", "--device", device}, &table, &progress);
    check_file(bench, "kernels", device);
    CHECK(bench["rows"].size() == 19);
    CHECK_THAT(table, Contains("batch_norm and its derivative") && Contains("float64") && Contains("floor"));
    CHECK_THAT(progress, Contains("[19/19]") && Contains("s left"));
  }
}

TEST_CASE("program: bench conv counts no products with padding, and stands beside the library") {
  for (const char* device : {"cpu", "sim"}) {
    const json bench = ran({"conv", "--quick", "--device", device});
    check_file(bench, "conv", device);
    std::vector<std::string> by;
    for (const json& row : bench["rows"]) {
      by.push_back(row["by"]);
      if (row["size"] != "conv:2x6x5x8:12:3:2:1") continue;
      // 3 x 3 outputs: 2 + 3 + 3 taps down 6 rows, 2 + 3 + 2 across 5 columns
      CHECK(row["flops"] == 2 * 2 * 12 * 8 * 8 * 7);
    }
    CHECK(std::count(by.begin(), by.end(), "Kantor") == 6);
    if (std::string(device) == "sim") CHECK(by.size() == 6);
  }
}

TEST_CASE("program: bench scaling goes over batches, widths and threads") {
  for (const char* device : {"cpu", "sim"}) {
    const json bench = ran({"scaling", "--quick", "--device", device, "--threads", "2"});
    check_file(bench, "scaling", device);
    int with_threads = 0, fast = 0;
    for (const json& row : bench["rows"]) {
      with_threads += row.contains("threads") ? 1 : 0;
      fast += row.contains("speedup") ? 1 : 0;
      if (row.value("threads", 0) == 1) CHECK(row["speedup"] == 1.0);
    }
    CHECK(with_threads == (std::string(device) == "cpu" ? 6 : 0));
    CHECK(fast == with_threads);
  }
}

TEST_CASE("program: bench takes filters, repetitions, cold or warm alone, and writes CSV") {
  const ProgramFolder folder;
  const json cold = ran({"kernels", "--quick", "--device", "cpu", "--filter", "^reduce", "--repetitions", "2", "--cold",
                         "--csv", folder / "b.csv"});
  REQUIRE(cold["rows"].size() == 3);
  for (const json& row : cold["rows"]) {
    CHECK(row["repetitions"] == 2);
    CHECK(row["cold"]["seconds"] == row["seconds"]);
    CHECK(row["bound"] == "read");
  }
  const std::string csv = text_of(folder / "b.csv");
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 4);
  CHECK(csv.starts_with("name,size,dtype,bytes"));
  CHECK_THAT(csv, Contains("\"reduce: sum of all\",\"64 x 100\",\"float32\",25604,"));
  const json warm = ran({"kernels", "--quick", "--device", "cpu", "--filter", "^reduce", "--warm"});
  for (const json& row : warm["rows"]) {
    CHECK(row["cold"].is_null());
    CHECK(row["share"].is_null());  // it fits the caches
  }
  check_refused({"bench", "kernels", "--quick", "--device", "cpu", "--filter", "nothing like it"}, 1,
                {"nothing like it", "kernels"});
  check_refused({"bench", "kernels", "--cold", "--warm"}, 2, {"--warm"});
  check_refused({"bench", "kernels", "--repetitions", "0"}, 2, {"--repetitions"});
}
