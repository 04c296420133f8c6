// The checks of the ladder's tests (tests/ladder_checks.h) find every planted bug, in a version of every family.
#include "tests/sim/ladder_bugs.h"

#include "tests/catch.h"
#include "tests/ladder_checks.h"

#include <algorithm>

using namespace kantor;
using namespace kantor::testing;
using sim::bugs::LadderBug;
using sim::bugs::PlantedRung;

namespace {

constexpr Device device{Device::Kind::sim, 0};

/// What the checks say of a version over the family's test sizes: of its values, and of its bits in several orders.
struct Said {
  std::vector<std::string> values, bits;
  [[nodiscard]] static bool holds(const std::vector<std::string>& said, const std::string& words) {
    return std::any_of(said.begin(), said.end(),
                       [&](const std::string& one) { return one.find(words) != std::string::npos; });
  }
};

Said said_of(const ladder::Family& family, const ladder::Rung& rung) {
  constexpr int64_t most_flops = 200'000;  // these kernels take a block for an element
  Said said;
  for (const ladder::Sizes& sizes : family.test_sizes) {
    if (family.cost(sizes).flops > most_flops) continue;
    ladder::Call call(family, sizes, Backend::sim);
    said.values.push_back(wrong_values(call, rung, device));
    said.bits.push_back(differing_bits(call, rung));
  }
  return said;
}

bool nothing(const std::vector<std::string>& said) {
  return std::all_of(said.begin(), said.end(), [](const std::string& one) { return one.empty(); });
}

}  // namespace

TEST_CASE("ladder: the tests find every planted bug, in a version of each family") {
  for (const ladder::Family& family : ladder::families()) {
    int planted = 0;
    for (const PlantedRung& one : sim::bugs::planted_rungs()) {
      if (one.rung.family != family.name) continue;
      ++planted;
      INFO(family.name << ", bug " << static_cast<int>(one.bug));
      const Said said = said_of(family, one.rung);
      for (const std::string& text : said.values) UNSCOPED_INFO("values: " << text);
      for (const std::string& text : said.bits) UNSCOPED_INFO("bits: " << text);
      switch (one.bug) {
        case LadderBug::none:
          CHECK(nothing(said.values));
          CHECK(nothing(said.bits));
          break;
        case LadderBug::missing_barrier:
          CHECK(Said::holds(said.values, "data race on static shared memory"));
          CHECK(Said::holds(said.values, "ladder_bugs.cu:"));
          break;
        case LadderBug::short_tail:
        case LadderBug::unwritten_read:  // outputs hold NaN at first, but for those that are changed in place
          CHECK(Said::holds(said.values, family.start_as.empty() ? "nan, expected" : ": found "));
          break;
        case LadderBug::nan:
          CHECK(Said::holds(said.values, "nan, expected"));
          break;
        case LadderBug::long_tail:
          CHECK(Said::holds(said.values, "behind its end, was written"));
          break;
        case LadderBug::split_order:
          CHECK(nothing(said.values));  // right in each order, and different
          CHECK(Said::holds(said.bits, "the bits depend on the order of threads"));
          break;
      }
    }
    INFO(family.name);
    CHECK(planted == 7);
  }
}
