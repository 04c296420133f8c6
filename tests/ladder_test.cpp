// Every version of every kernel family of the ladder against the family's reference in double.
#include "engine/device.h"
#include "engine/target.h"
#include "kernels/ladder/call.h"
#include "tests/catch.h"
#include "tests/ladder_checks.h"

#include <string>
#include <vector>

using namespace kantor;
using namespace kantor::testing;

namespace {

std::vector<Device> devices() {
  std::vector<Device> all{{Device::Kind::sim, 0}};
  if (const Device gpu{Device::Kind::cuda, 0}; why_unavailable(gpu).empty()) all.push_back(gpu);
  return all;
}

}  // namespace

TEST_CASE("ladder: every version computes what its family's reference does") {
  REQUIRE_FALSE(ladder::families().empty());
  for (const Device device : devices()) {
    const Backend backend = target_of(device).backend;
    for (const ladder::Family& family : ladder::families()) {
      const auto rungs = ladder::rungs(family.name, backend);
      REQUIRE(rungs.size() >= 2);
      for (const auto& sizes : family.test_sizes) {
        ladder::Call call(family, sizes, backend);
        for (const ladder::Rung& rung : rungs) {
          if (!rung.runs(sizes)) continue;
          INFO(family.name << " v" << rung.version << " on " << to_string(device));
          CHECK(wrong_values(call, rung, device) == "");
        }
      }
    }
  }
}

TEST_CASE("ladder: versions are numbered from 1, and one of them is the engine's") {
  for (const Device device : devices()) {
    for (const ladder::Family& family : ladder::families()) {
      INFO(family.name);
      int next = 1, production = 0;
      for (const ladder::Rung& rung : ladder::rungs(family.name, target_of(device).backend)) {
        if (rung.version == 0) continue;  // a library's
        CHECK(rung.version == next++);
        CHECK(rung.file.rfind("kernels/ladder/" + family.name + "/v", 0) == 0);
        production += rung.production ? 1 : 0;
      }
      CHECK(production == 1);
    }
  }
}

TEST_CASE("ladder: bits do not depend on the order of threads") {
  for (const ladder::Family& family : ladder::families()) {
    ladder::Call call(family, family.test_sizes.back(), Backend::sim);
    for (const ladder::Rung& rung : ladder::rungs(family.name, Backend::sim)) {
      if (!rung.runs(family.test_sizes.back())) continue;
      INFO(family.name << " v" << rung.version);
      CHECK(differing_bits(call, rung) == "");
    }
  }
}
