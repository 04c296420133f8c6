// The landscape's arms of the study slow, in their tiny setting: what each of them measures.
#include "models/files/png.h"
#include "models/lipschitz/constraint.h"
#include "models/studies/slow/landscape.h"
#include "models/studies/slow/landscape_probe.h"
#include "tests/program.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

using namespace kantor;
using namespace kantor::slow;
using nlohmann::json;

namespace {

constexpr StudySettings tiny{.scale = Scale::tiny, .seeds = 1};

json settings_of(const std::string& arm) {
  for (const StudyRun& run : every_seed(landscape_arms(tiny), tiny)) {
    if (run.settings.at("arm") == arm) return run.settings;
  }
  FAIL("no arm " << arm);
  return {};
}

json measured(const json& settings) {
  const ProgramFolder folder;
  return measure_landscape(settings, {}, folder.path);
}

}  // namespace

TEST_CASE(
    "studies: every constraint has a landscape, with eigenvalues, curves that are 0 at the centre and a picture") {
  std::vector<std::string> seen;
  for (const StudyRun& run : every_seed(landscape_arms(tiny), tiny)) {
    INFO(run.id);
    seen.push_back(run.settings.at("config").at("critic.constraint").get<std::string>());
    const ProgramFolder folder;
    const json numbers = measure_landscape(run.settings, {}, folder.path);
    for (const char* evaluation : landscape_evaluations) {
      const json& found = numbers.at(evaluation);
      CHECK(found.at("lowest") <= found.at("highest"));
      CHECK(std::abs(found.at("eigenvalue").get<double>()) ==
            std::max(std::abs(found.at("lowest").get<double>()), std::abs(found.at("highest").get<double>())));
      CHECK(found.at("residual") >= 0);
      CHECK(found.at("products") >= 1);
      CHECK(found.at("products") <= run.settings.at("landscape").at("products"));
      CHECK(numbers.at(fmt::format("log_relative_{}", evaluation)).is_number());
    }
    const bool clipped = seen.back() == "clip";
    CHECK(numbers.contains("reachable") == clipped);
    for (const char* curve : {"slice", "reachable"}) {
      if (!numbers.contains(curve)) continue;
      const json &x = numbers[curve].at("x"), &y = numbers[curve].at("y");
      REQUIRE(x.size() == run.settings.at("landscape").at("points").get<size_t>());
      REQUIRE(y.size() == x.size());
      CHECK(x[x.size() / 2] == 0.0);
      CHECK(y[y.size() / 2] == 0.0);
      CHECK(y.front() != 0.0);
    }
    if (clipped) {
      CHECK(numbers.at("outside").at("y")[2] == 0.0);
      CHECK(numbers.at("outside_at_ends") > 0.0);
      CHECK(numbers.at("steps_outside") <= 0.8);  // 4 of 5: the middle is the critic itself
    }
    const Image picture = read_png(folder.path / "landscape.png");
    CHECK(picture.width == picture.height);
  }
  for (const std::string& kind : constraint_kinds()) {
    INFO(kind);
    CHECK(std::count(seen.begin(), seen.end(), kind) >= 1);
  }
}

TEST_CASE("studies: the landscape is of the whole loss, the penalty included") {
  json with = settings_of("landscape-penalty"), without = with;
  with["critic_steps"] = without["critic_steps"] = 0;  // the same weights
  without["config"]["critic.lambda"] = 0.0;
  const json a = measured(with), b = measured(without), c = measured(with);
  CHECK(a.at("slice") == c.at("slice"));
  CHECK(a.at("slice").at("y") != b.at("slice").at("y"));
  CHECK(a.at("end").at("eigenvalue") != b.at("end").at("eigenvalue"));
  // Without the penalty the loss is linear in each layer: it curves down as well as up.
  CHECK(b.at("end").at("lowest") < 0.0);
  CHECK(b.at("end").at("highest") > 0.0);
}
