// The ladder under the race checker, and the committed counts of its versions against today's.
#include "tests/catch.h"
#include "tests/ladder_checks.h"
#include "tests/paths.h"
#include "tests/sim/ladder_counts.h"

#include <fstream>

using namespace kantor;
using namespace kantor::testing;

namespace {

/// Whether a count takes a second or two under the checker.
bool is_short(const nlohmann::json& committed) {
  int64_t transactions = 0;
  for (const auto& kernel : committed["kernels"]) {
    for (const char* space : {"global", "shared"}) {
      for (const auto& part : kernel[space]) transactions += part["taken"].get<int64_t>();
    }
  }
  return transactions <= 250'000;
}

void check_counts(const nlohmann::json& committed, const ladder::Family& family, const ladder::Rung& rung,
                  const ladder::Sizes& sizes) {
  CHECK(committed["sizes"] == sizes);
  if (!is_short(committed)) return;
  const auto counted = ladder_counts(family, rung, sizes);
  REQUIRE(committed["kernels"].size() == counted.size());
  for (size_t k = 0; k < counted.size(); ++k) {
    for (const auto& [key, value] : counted[k].items()) {
      INFO(key << " of kernel " << k);
      CHECK(committed["kernels"][k][key] == value);
    }
  }
}

}  // namespace

TEST_CASE("ladder: no version races") {
  for (const ladder::Family& family : ladder::families()) {
    for (const ladder::Sizes& sizes : family.test_sizes) {
      ladder::Call call(family, sizes, Backend::sim);
      for (const ladder::Rung& rung : ladder::rungs(family.name, Backend::sim)) {
        if (!rung.runs(sizes)) continue;
        INFO(family.name << " v" << rung.version);
        CHECK(wrong_values(call, rung, {Device::Kind::sim, 0}) == "");
      }
    }
  }
}

TEST_CASE("ladder: the short ones of the committed counts are those of today (tools/ladder_pages writes them)") {
  for (const ladder::Family& family : ladder::families()) {
    const auto path = source_folder() / ("bench/results/ladder/" + family.name + ".json");
    INFO(path);
    std::ifstream file(path);
    REQUIRE(file.good());
    const auto committed = nlohmann::json::parse(file);
    const auto rungs = ladder::rungs(family.name, Backend::sim);
    REQUIRE(committed["rungs"].size() == rungs.size());
    for (size_t i = 0; i < rungs.size(); ++i) {
      const auto& rung = committed["rungs"][i];
      INFO("v" << rungs[i].version);
      CHECK(rung["version"] == rungs[i].version);
      CHECK(rung["text"] == rungs[i].text);
      CHECK(rung["file"] == rungs[i].file);
      const auto sizes = counted_sizes(family, rungs[i]);
      REQUIRE(rung["counts"].size() == sizes.size());
      for (size_t s = 0; s < sizes.size(); ++s) check_counts(rung["counts"][s], family, rungs[i], sizes[s]);
    }
  }
}
