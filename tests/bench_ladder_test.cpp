// kantor bench ladder: every version is compared with float64 in the run that shows it, beside its committed figures.
#include "kernels/ladder/ladder.h"
#include "tests/catch.h"
#include "tests/program.h"

#include <algorithm>
#include <nlohmann/json.hpp>

using namespace kantor;
using nlohmann::json;

TEST_CASE("program: bench ladder compares every version, and shows what was counted and compiled") {
  const ProgramFolder folder;
  for (const ladder::Family& family : ladder::families()) {
    const ProgramResult result =
        run_kantor({"bench", "ladder", family.name, "--device", "sim", "--json", folder / "l.json"});
    INFO(result.out << result.err);
    REQUIRE(result.code == 0);
    const json ran = json::parse(text_of(folder / "l.json"));
    CHECK(ran["family"] == family.name);
    CHECK(ran["simulated"] == true);
    CHECK(ran["rows"].size() >= 3);
    int production = 0;
    for (const json& row : ran["rows"]) {
      INFO(row["text"]);
      CHECK(row["passed"] == true);
      CHECK(row["error"] <= row["allowed"]);
      CHECK(row["launches"] >= 1);
      CHECK(row["bytes"] > 0);
      CHECK(row["seconds"].is_null());  // the simulator's time is not a GPU's
      CHECK_THAT(result.out, Contains(row["text"].get<std::string>()));
      const auto count = std::find_if(row["counts"].begin(), row["counts"].end(),
                                      [&](const json& one) { return one["sizes"] == row["sizes"]; });
      REQUIRE(count != row["counts"].end());
      int64_t launches = 0;
      for (const json& kernel : (*count)["kernels"]) {
        for (const json& launch : kernel["launches"]) launches += launch["launches"].get<int64_t>();
        CHECK(kernel["resources"]["registers"] > 0);
      }
      CHECK(launches == row["launches"]);
      production += row["production"] == true ? 1 : 0;
    }
    CHECK(production == static_cast<int>(family.count_sizes.size()));
  }
}

TEST_CASE("program: bench ladder lists the families, and refuses what it does not have") {
  const ProgramResult list = run_kantor({"bench", "ladder"});
  CHECK(list.code == 0);
  for (const ladder::Family& family : ladder::families()) CHECK_THAT(list.out, Contains(family.name + ": "));
  const ProgramResult unknown = run_kantor({"bench", "ladder", "softmax"});
  CHECK(unknown.code == 2);
  CHECK_THAT(unknown.err, Contains("there is no family 'softmax'") && Contains("gradient_penalty"));
  CHECK(run_kantor({"bench", "ladder", "gradient_penalty", "--device", "cpu"}).code == 2);
}
