// What studies conclude with: intervals over seeds, the rule of their verdicts on planted numbers, and the gathering of
// numbers by arm.
#include "models/studies/framework/verdict.h"

#include "engine/error.h"
#include "models/metrics/interval.h"
#include "models/metrics/transport.h"
#include "models/metrics/wasserstein.h"
#include "models/studies/framework/outcomes.h"
#include "tests/catch.h"

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

using namespace kantor;

namespace {

Verdict judged(const std::vector<double>& values, const Bar& bar, int64_t needed = 3) {
  return judge("x", values, bar, needed).verdict;
}

}  // namespace

TEST_CASE("studies: Student's t and the interval of a mean") {
  // Critical values of 95 % from any table of the distribution.
  for (const auto& [degrees, t] : {std::pair{1, 12.7062}, std::pair{2, 4.30265}, std::pair{3, 3.18245},
                                   std::pair{4, 2.77645}, std::pair{9, 2.26216}, std::pair{30, 2.04227}}) {
    CHECK(student_probability(t, degrees) == Approx(0.95).epsilon(1e-6));
  }
  const std::vector<double> values{1, 2, 6};
  const Interval interval = confidence_interval(values);
  CHECK(interval.mean == Approx(3));
  CHECK(interval.high - 3 == Approx(4.30265 * std::sqrt(7.0 / 3)).epsilon(1e-5));
  CHECK(3 - interval.low == Approx(interval.high - 3));
  CHECK(std::isinf(confidence_interval(std::vector<double>{4}).high));
  const Interval equal = confidence_interval(std::vector<double>{0.5, 0.5, 0.5});
  CHECK(equal.low == 0.5);
  CHECK(equal.high == 0.5);
  CHECK_THROWS_AS(confidence_interval(std::vector<double>{}), ShapeError);
  CHECK_THROWS_AS(confidence_interval(std::vector<double>{1, NAN}), NonFiniteError);
}

TEST_CASE("studies: a verdict is the place of the interval against the bar") {
  const Bar half{.low = 0.5};
  CHECK(judged({0.60, 0.61, 0.62}, half) == Verdict::shown);
  CHECK(judged({0.30, 0.31, 0.32}, half) == Verdict::not_shown);
  CHECK(judged({0.45, 0.60, 0.75}, half) == Verdict::unclear);  // the mean is above the bar, the interval crosses it
  CHECK(judged({0.9, 0.9}, half) == Verdict::unclear);          // too few seeds
  CHECK(judged({0.9}, half, 1) == Verdict::unclear);            // one run is never enough
  CHECK(judged({}, half) == Verdict::unclear);
  CHECK(judged({0.6, 0.61, 0.62, 0.6}, half, 5) == Verdict::unclear);
  CHECK(judged({1.0, 1.01, 0.99}, {0.9, 1.1}) == Verdict::shown);
  CHECK(judged({1.3, 1.31, 1.29}, {0.9, 1.1}) == Verdict::not_shown);
  CHECK(judged({1.08, 1.1, 1.12}, {0.9, 1.1}) == Verdict::unclear);
  CHECK(judged({0, 0, 0}, {.high = 0.01}) == Verdict::shown);

  const Finding good = judge("", std::vector<double>{1, 1, 1}, half, 3),
                bad = judge("", std::vector<double>{0, 0, 0}, half, 3);
  const Finding open = judge("", std::vector<double>{1}, half, 3), seen = observe("", std::vector<double>{0});
  CHECK(overall({good, seen, good}) == Verdict::shown);
  CHECK(overall({good, open}) == Verdict::unclear);
  CHECK(overall({good, open, bad}) == Verdict::not_shown);
  CHECK(overall({seen}) == Verdict::unclear);
}

TEST_CASE("studies: numbers are gathered by arm and paired by seed") {
  std::vector<Outcome> all;
  for (const int seed : {1, 2}) {
    for (const char* arm : {"a", "b"}) {
      all.push_back({"",
                     {{"arm", arm}, {"seed", seed}},
                     {{"v", seed * (*arm == 'a' ? 10 : 1)}, {"c", {{"x", {0, 1}}, {"y", {seed, nullptr}}}}}});
    }
  }
  all[3].numbers["v"] = nullptr;  // not measured
  CHECK(values_of(all, "a", "v") == std::vector<double>{10, 20});
  CHECK(values_of(all, "b", "v") == std::vector<double>{1});
  CHECK(differences(all, "a", "b", "v") == std::vector<double>{9});
  const Series curve = mean_curve(all, {"a", "label", 3}, "c");
  CHECK(curve.y[0] == 1.5);
  CHECK(std::isnan(curve.y[1]));
}

TEST_CASE("studies: the best matching, and W1 by it") {
  const std::vector<float> a{0, 0, 10, 0, 0, 10}, b{0, 11, 1, 0, 10, 1};
  const Transport transport = optimal_transport(a, b, 2);
  CHECK(transport.match == std::vector<int64_t>{1, 2, 0});
  CHECK(transport.distance == Approx(1));
  CHECK(wasserstein1(a, b, 2) == transport.distance);
  CHECK(optimal_transport(a, a, 2).match == std::vector<int64_t>{0, 1, 2});
}
