// Funnels: integrals done by hand, the properties that make -u an optimal critic, the published distances, and pair
// folders.
#include "models/data/funnels.h"

#include "engine/random.h"
#include "models/data/open_dataset.h"
#include "models/files/npy.h"
#include "models/metrics/wasserstein.h"
#include "tests/paths.h"
#include "tests/program.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace kantor;
namespace fs = std::filesystem;

namespace {

const fs::path published = source_folder() / "models/data/w1benchmark";

/// Within `errors` standard errors of `expected`, and that error small enough for the check to mean something.
void check_distance(const Funnels& funnels, double expected, double errors = 4) {
  const FunnelDistance found = funnel_distance(funnels, 200'000);
  INFO(found.w1 << " +- " << found.standard_error << ", expected " << expected);
  CHECK(found.standard_error < 0.005 * expected);
  CHECK(std::abs(found.w1 - expected) < errors * found.standard_error);
}

std::vector<double> box_point(HostRandom& random, int64_t dimensions) {
  std::vector<double> point(static_cast<size_t>(dimensions));
  for (double& value : point) value = 5 * random.uniform() - 2.5;
  return point;
}

double distance(const std::vector<double>& x, const std::vector<double>& y) {
  double squares = 0;
  for (size_t d = 0; d < x.size(); ++d) squares += (x[d] - y[d]) * (x[d] - y[d]);
  return std::sqrt(squares);
}

std::vector<Funnels> several_pairs() {
  return {make_funnels(1, 3, 1), make_funnels(2, 4, 2), make_funnels(3, 1, 3), make_funnels(16, 16, 4)};
}

}  // namespace

TEST_CASE("funnels: W1 on a line, by hand") {
  // On a segment of length L that starts at a centre, t is uniform in [0, 1] and the mean of L (t - t^8) is 7/18 L. The
  // segments' shares are their lengths over 5.
  const double mean = 7.0 / 18;
  check_distance(Funnels({0}, {0}), mean * 2.5);
  check_distance(Funnels({1}, {7}), mean * (1.5 * 1.5 + 3.5 * 3.5) / 5);
  check_distance(Funnels({-1.25, 1.25}, {0, 0}), mean * 1.25);
  // Two funnels meet at 0.25, where 1 + 0.25 = 1 - 0.25 + 0.5.
  check_distance(Funnels({-1, 1}, {0, 0.5}), mean * (1.5 * 1.5 + 1.25 * 1.25 + 0.75 * 0.75 + 1.5 * 1.5) / 5);
  // The second lies under the first everywhere.
  check_distance(Funnels({0, 1}, {0, 1.5}), mean * 2.5);
}

TEST_CASE("funnels: W1 of one funnel in the square, by hand") {
  // At angle w the ray to the wall is R(w) = 2.5 / max(|cos w|, |sin w|), and t has density 2t: the mean of t - t^8 is
  // 2/3 - 2/10. So E|x - y| = 7/15 * (integral of R^3 / 2 over w) / 25, and the integral of sec^3 from 0 to pi/4 is
  // (sqrt 2 + log(1 + sqrt 2)) / 2.
  const double integral = 8 * std::pow(2.5, 3) * (std::sqrt(2) + std::log(1 + std::sqrt(2))) / 2;
  check_distance(Funnels({0, 0}, {0}), 7.0 / 15 * integral / 2 / 25);
  // Two mirrored funnels take half the square each, a rectangle of 2.5 x 5 with the centre in its middle.
  const auto sec3 = [](double w) { return (std::tan(w) / std::cos(w) + std::log(std::tan(w) + 1 / std::cos(w))) / 2; };
  const double corner = std::atan(2.0);
  const double rectangle = 4 * (std::pow(1.25, 3) * sec3(corner) + std::pow(2.5, 3) * sec3(std::acos(0.0) - corner));
  check_distance(Funnels({-1.25, 0, 1.25, 0}, {0, 0}), 7.0 / 15 * rectangle / 2 / 12.5);
}

TEST_CASE("funnels: u is 1-Lipschitz, the optimal critic's gradient has norm 1 and is its difference quotient") {
  for (const Funnels& funnels : several_pairs()) {
    HostRandom random(5, 0);
    for (int trial = 0; trial < 500; ++trial) {
      const std::vector<double> x = box_point(random, funnels.dimensions()),
                                y = box_point(random, funnels.dimensions());
      CHECK(std::abs(funnels.potential(x) - funnels.potential(y)) <= distance(x, y) * (1 + 1e-12));
      std::vector<double> gradient(x.size()), ahead = x, behind = x;
      funnels.critic_gradient(x, gradient);
      double squares = 0;
      for (const double value : gradient) squares += value * value;
      CHECK(squares == Approx(1).epsilon(1e-12));
      for (size_t d = 0; d < x.size(); ++d) ahead[d] += 1e-6 * gradient[d], behind[d] -= 1e-6 * gradient[d];
      // Down u's steepest slope; within 1e-6 of a kink the quotient may be smaller, which no draw here is.
      CHECK(funnels.potential(behind) - funnels.potential(ahead) == Approx(2e-6).epsilon(1e-6));
    }
  }
}

TEST_CASE("funnels: a moved point stays on its ray, where u falls by the distance") {
  for (const Funnels& funnels : several_pairs()) {
    HostRandom random(6, 0);
    std::vector<double> x(static_cast<size_t>(funnels.dimensions())), before = x, after = x;
    for (int trial = 0; trial < 500; ++trial) {
      const std::vector<double> y = box_point(random, funnels.dimensions());
      funnels.transport(y, x);
      CHECK(funnels.potential(y) - funnels.potential(x) == Approx(distance(x, y)).margin(1e-12));
      if (distance(x, y) < 1e-3) continue;
      funnels.critic_gradient(y, before);
      for (size_t d = 0; d < x.size(); ++d) after[d] = (x[d] - y[d]) / distance(x, y);
      CHECK(distance(before, after) < 1e-9);
    }
  }
}

TEST_CASE("funnels: E_Q u - E_P u of independent draws is E|x - y|") {
  constexpr int64_t n = 50'000;
  for (const Funnels& funnels : several_pairs()) {
    const auto moments = [&](const Dataset& data, uint32_t stream) {
      const std::vector<float> points = data.draw(1, stream, 0, n);
      double mean = 0, squares = 0;
      for (auto at = points.begin(); at != points.end(); at += funnels.dimensions()) {
        const double u = funnels.potential(std::vector<double>(at, at + funnels.dimensions()));
        mean += u / n, squares += u * u / n;
      }
      return std::pair(mean, (squares - mean * mean) / n);
    };
    const auto [p, p_variance] = moments(*funnels_p(funnels), 1);
    const auto [q, q_variance] = moments(*funnels_q(funnels), 2);
    const FunnelDistance truth = funnel_distance(funnels, n, 3);
    const double error = std::sqrt(p_variance + q_variance + truth.standard_error * truth.standard_error);
    CHECK(std::abs(q - p - truth.w1) < 4 * error);
    CHECK(error < 0.02 * truth.w1);
  }
}

TEST_CASE("funnels: the exact W1 of samples is close to the analytic one") {
  const Funnels funnels = read_funnels(published / "d2_n4");
  const auto p = funnels_p(funnels), q = funnels_q(funnels);
  double mean = 0;
  for (uint64_t k = 0; k < 3; ++k) mean += wasserstein1(p->draw(1, 1, k, 1024), q->draw(1, 2, k, 1024), 2) / 3;
  // Finite samples differ from their distributions by about the floor, which the first adds to the truth.
  CHECK(mean == Approx(0.8174).margin(0.04));
}

TEST_CASE("funnels: the published distances of the six pairs") {
  const nlohmann::json table = nlohmann::json::parse(text_of(published / "published.json"));
  int pairs = 0;
  for (const auto& [name, methods] : table.items()) {
    INFO(name);
    const double expected = methods.at("true").at("w1").get<double>();
    const FunnelDistance found = funnel_distance(read_funnels(published / name), 40'000);
    // The published mean is of 4,096 samples: its own standard error is about three times ours.
    const double error = found.standard_error * std::sqrt(1 + 40'000 / 4096.0);
    INFO(found.w1 << " +- " << found.standard_error << ", published " << expected);
    CHECK(std::abs(found.w1 - expected) < 4 * error);
    CHECK(error < 0.02 * expected);
    ++pairs;
  }
  CHECK(pairs == 6);
}

TEST_CASE("funnels: draws are pure functions of seed, stream, step and sample, and come in pairs") {
  const Funnels funnels = make_funnels(2, 4, 1);
  std::vector<float> p(200), q(200);
  funnels.draw(1, 2, 3, 100, p.data(), q.data());
  CHECK(funnels_p(funnels)->draw(1, 2, 3, 100) == p);
  CHECK(funnels_q(funnels)->draw(1, 2, 3, 100) == q);
  const std::vector<float> few = funnels_p(funnels)->draw(1, 2, 3, 10);
  CHECK(std::equal(few.begin(), few.end(), p.begin()));
  for (const auto& other : {funnels_p(funnels)->draw(9, 2, 3, 100), funnels_p(funnels)->draw(1, 9, 3, 100),
                            funnels_p(funnels)->draw(1, 2, 9, 100)}) {
    CHECK(other != p);
  }
  CHECK(*std::min_element(q.begin(), q.end()) >= -2.5F);
  CHECK(*std::max_element(q.begin(), q.end()) <= 2.5F);
  CHECK(make_funnels(2, 4, 1).centres() == funnels.centres());
  CHECK(make_funnels(2, 4, 2).centres() != funnels.centres());
  CHECK(open_dataset({"funnels", ""})->draw(1, 2, 3, 100) == p);
}

TEST_CASE("funnels: at a centre nothing moves and the gradient is 0") {
  const Funnels funnels({1, 1, -1, 0}, {0, 0});
  std::vector<double> x(2), gradient(2, 7);
  funnels.transport(std::vector<double>{1, 1}, x);
  funnels.critic_gradient(std::vector<double>{1, 1}, gradient);
  CHECK(x == std::vector<double>{1, 1});
  CHECK(gradient == std::vector<double>{0, 0});
}

TEST_CASE("funnels: a pair folder reads back as written") {
  const ProgramFolder folder;
  const Funnels funnels = make_funnels(3, 5, 7);
  write_funnels(folder.path / "a" / "pair", funnels);
  const Funnels read = read_funnels(folder.path / "a" / "pair");
  CHECK(read.centres() == funnels.centres());
  CHECK(read.offsets() == funnels.offsets());
  CHECK(open_dataset({"funnels", folder / "a/pair"})->sample_shape() == Shape{3});
}

TEST_CASE("funnels: a bad pair folder is refused by file, found and expected") {
  const ProgramFolder folder;
  const auto refused = [&](const Tensor& centres, const Tensor& offsets, const std::string& file,
                           const std::string& text) {
    write_npy(folder.path / "centers.npy", centres);
    write_npy(folder.path / "offsets.npy", offsets);
    INFO(text);
    CHECK_THROWS_AS(read_funnels(folder.path), FileError);
    CHECK_THROWS_WITH(read_funnels(folder.path), Contains(folder / file) && Contains(text));
  };
  CHECK_THROWS_WITH(read_funnels(folder.path), Contains(folder / "centers.npy"));
  CHECK_THROWS_AS(open_dataset({"funnels", folder / "absent"}), FileError);
  refused(zeros({4}), zeros({4}), "centers.npy", "shape [4], expected centres [N, D]");
  refused(zeros({0, 2}), zeros({0}), "centers.npy", "shape [0, 2]");
  refused(zeros({4, 2}), zeros({4, 1}), "offsets.npy", "shape [4, 1], expected offsets [4]");
  refused(zeros({4, 2}), zeros({3}), "offsets.npy", "3 offsets, expected 4");
  refused(from_host<float>({1, 2, 3, std::numeric_limits<float>::infinity()}, {2, 2}), zeros({2}), "centers.npy",
          "the value at [1, 1] is inf");
  refused(zeros({2, 2}), from_host<float>({0, std::nanf("")}, {2}), "offsets.npy", "the value at [1] is nan");
  (void)folder.file("offsets.npy", "text");
  CHECK_THROWS_AS(read_funnels(folder.path), FileError);
}

TEST_CASE("funnels: sizes that do not fit are refused") {
  CHECK_THROWS_AS(Funnels({1, 2, 3}, {0, 0}), ShapeError);
  CHECK_THROWS_AS(Funnels({}, {}), ShapeError);
  CHECK_THROWS_AS(Funnels({}, {1}), ShapeError);
  CHECK_THROWS_AS(Funnels({std::nan("")}, {0}), NonFiniteError);
  CHECK_THROWS_AS(make_funnels(0, 1, 1), ShapeError);
  CHECK_THROWS_AS(make_funnels(1LL << 40, 1LL << 40, 1), ShapeError);
  CHECK_THROWS_AS(funnel_distance(make_funnels(1, 1, 1), 1), ShapeError);
}
