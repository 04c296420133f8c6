// Pairs of funnels by name: the ones in the program, folders, those made by seed; and how a critic's gradients are
// compared with the optimal ones.
#include "models/data/funnel_pairs.h"

#include "engine/random.h"
#include "models/files/atomic_file.h"
#include "models/metrics/agreement.h"
#include "models/metrics/histogram.h"
#include "models/nn/architectures.h"
#include "models/studies/benchmark_w1/known_optimum.h"
#include "models/training/random_streams.h"
#include "models/training/trainer.h"
#include "tests/paths.h"
#include "tests/program.h"

#include <algorithm>
#include <cmath>

using namespace kantor;
namespace fs = std::filesystem;

namespace {

const fs::path sources = source_folder() / "models/data/w1benchmark";

}  // namespace

TEST_CASE("funnel pairs: the program holds the published ones with their figures") {
  REQUIRE(published_pairs().size() == 6);
  for (const std::string& name : published_pairs()) {
    INFO(name);
    const FunnelPair in_program = open_pair(name), in_folder = open_pair((sources / name).string());
    CHECK(in_program.name == name);
    CHECK(in_folder.name == name);
    CHECK(in_program.funnels.centres() == in_folder.funnels.centres());
    CHECK(in_program.funnels.offsets() == in_folder.funnels.offsets());
    CHECK(in_program.published == in_folder.published);
    for (const char* method : {"true", "wgan", "wgan-gp", "wgan-lp", "sn-gan", "sort-out"}) {
      CHECK(in_program.published.at(method).at("w1").is_number());
    }
  }
}

TEST_CASE("funnel pairs: made by dimensions, funnels and seed") {
  const FunnelPair made = open_pair("d3_n5:7");
  CHECK(made.name == "d3_n5.7");
  CHECK(made.funnels.centres() == make_funnels(3, 5, 7).centres());
  CHECK(made.published.empty());
}

TEST_CASE("funnel pairs: a folder's published figures lie in it or beside it, and may be absent") {
  const ProgramFolder folder;
  write_funnels(folder.path / "mine", make_funnels(2, 3, 1));
  const std::string mine = folder / "mine";
  CHECK(open_pair(mine + "/").published.empty());
  write_file_atomically(folder.path / "published.json", R"({"mine": {"wgan": {"w1": 0.5}}, "other": {}})");
  CHECK(open_pair(mine).published.at("wgan").at("w1") == 0.5);
  write_file_atomically(folder.path / "mine/published.json", R"({"mine": {"wgan": {"w1": 0.25}}})");
  CHECK(open_pair(mine + "/").published.at("wgan").at("w1") == 0.25);
  CHECK(open_pair(mine + "/").name == "mine");
  write_file_atomically(folder.path / "mine/published.json", "[1, 2");
  CHECK_THROWS_WITH(open_pair(mine), Contains("published.json") && Contains("JSON object"));
}

TEST_CASE("funnel pairs: a folder of pairs stands for all of them, in order") {
  const std::vector<std::string> found = find_pairs(sources.string() + "/");
  REQUIRE(found.size() == 6);
  CHECK(found.front() == (sources / "d128_n16").string());
  CHECK(find_pairs((sources / "d2_n4/").string()) == std::vector<std::string>{(sources / "d2_n4").string()});
  CHECK(find_pairs("d2_n4") == std::vector<std::string>{"d2_n4"});
  const ProgramFolder empty;
  CHECK_THROWS_WITH(find_pairs(empty.path.string()), Contains("expected centers.npy"));
}

TEST_CASE("funnel pairs: what is no pair is refused with what can be given") {
  for (const char* source : {"", "d2", "d2_n4:", "d2_n4:-1", "d2_n4:1x", "d_n4:1", "d2_n4:99999999999999999999", "x"}) {
    INFO(source);
    CHECK_THROWS_AS(open_pair(source), FileError);
    CHECK_THROWS_WITH(open_pair(source), Contains("d128_n16") && Contains("dD_nN:SEED"));
  }
  CHECK_THROWS_AS(open_pair("d0_n4:1"), ShapeError);
}

TEST_CASE("known optimum: a linear critic's figures, by the draws themselves") {
  const Funnels funnels = make_funnels(3, 2, 4);
  Network critic(mlp({.in = 3, .depth = 0}), {3}, {});
  const std::vector<float> w{3, 0, -4};
  critic.parameters().tensors()[0].assign(std::span<const float>(w));
  constexpr int64_t n = 500;
  std::vector<float> p(3 * n), q(3 * n);
  funnels.draw(9, stream_evaluation_data, 0, n, p.data(), q.data());
  std::vector<float> apart(3 * n);
  funnels.draw(9, stream_evaluation_data, 1, n, nullptr, apart.data());
  double w1 = 0, independent = 0, cosine = 0, error = 0;
  for (size_t i = 0; i < p.size(); i += 3) {
    const std::vector<double> y(q.begin() + static_cast<std::ptrdiff_t>(i),
                                q.begin() + static_cast<std::ptrdiff_t>(i) + 3);
    std::vector<double> best(3);
    funnels.critic_gradient(y, best);
    for (size_t d = 0; d < 3; ++d) {
      w1 += w[d] * (p[i + d] - q[i + d]) / n;
      independent += w[d] * (p[i + d] - apart[i + d]) / n;
      cosine += w[d] / 5 * best[d] / n;
      error += std::pow(w[d] - best[d], 2) / n;
    }
  }
  const nlohmann::json found = benchmark_w1::KnownOptimum(funnels, 9, n).measure(critic);
  CHECK(found["w1"].get<double>() == Approx(w1));
  CHECK(found["w1_independent"].get<double>() == Approx(independent));
  CHECK(found["cosine"].get<double>() == Approx(cosine));
  CHECK(found["squared_gradient_error"].get<double>() == Approx(error));
  CHECK(found["norm"].get<double>() == Approx(5));
}

TEST_CASE("known optimum: in float32 a seventh of the plane's points have no optimal gradient, and none beyond it") {
  const auto gap = [](const std::string& name, int64_t dimensions) {
    Network critic(mlp({.in = dimensions, .depth = 0}), {dimensions}, {});
    critic.parameters().tensors()[0].assign(
        std::span<const float>(std::vector<float>(static_cast<size_t>(dimensions))));
    // The error of a critic of slope 0 is the mean square of the optimal gradient.
    const nlohmann::json found = benchmark_w1::KnownOptimum(open_pair(name).funnels, 1, 4096).measure(critic);
    CHECK(found["squared_gradient_error"].get<double>() == Approx(1));
    return 1 - found["squared_gradient_error_float32"].get<double>();
  };
  CHECK(gap("d2_n4", 2) == Approx(1.0 / 7).margin(0.03));
  CHECK(gap("d16_n4", 16) == Approx(0).margin(1e-4));
}

TEST_CASE("known optimum: the published way of estimating W1 has the standard error that the study tells") {
  const auto error = [](const std::string& name) {
    const Funnels funnels = open_pair(name).funnels;
    constexpr int64_t n = 1 << 14;
    const auto dimensions = static_cast<size_t>(funnels.dimensions());
    std::vector<float> p(static_cast<size_t>(n) * dimensions), q(p.size());
    funnels.draw(1, stream_evaluation_data, 0, n, p.data(), q.data());
    const auto variance = [&](const std::vector<float>& points) {
      std::vector<double> values, point(dimensions);
      for (size_t i = 0; i < points.size(); i += dimensions) {
        std::copy_n(points.begin() + static_cast<std::ptrdiff_t>(i), dimensions, point.begin());
        values.push_back(funnels.potential(point));
      }
      return std::pow(summarize(std::span<const double>(values)).deviation, 2);
    };
    return std::sqrt((variance(p) + variance(q)) / 4096);
  };
  CHECK(error("d2_n16") == Approx(0.007).margin(0.0005));  // the least of the six pairs
  CHECK(error("d16_n4") == Approx(0.031).margin(0.0005));  // and the greatest
}

TEST_CASE("agreement: by hand") {
  // Cosines 1, 0 and -1; errors |(2,0)-(1,0)|^2 = 1, |(0,0)-(0,1)|^2 = 1, |(0,-0.5)-(0,1)|^2 = 2.25; norms 2, 0, 0.5.
  const std::vector<float> found{2, 0, 0, 0, 0, -0.5};
  const std::vector<double> optimal{1, 0, 0, 1, 0, 1};
  const Agreement agreement = compare_gradients(found, optimal, 2);
  CHECK(agreement.cosine == Approx(0).margin(1e-15));
  CHECK(agreement.squared_error == Approx(4.25 / 3));
  CHECK(agreement.norm == Approx(2.5 / 3));
  const std::vector<double> diagonal{std::sqrt(0.5), std::sqrt(0.5)};
  CHECK(compare_gradients(std::vector<float>{3, 0}, diagonal, 2).cosine == Approx(std::sqrt(0.5)));
  CHECK_THROWS_AS(compare_gradients(found, optimal, 4), ShapeError);
  CHECK_THROWS_AS(compare_gradients(found, diagonal, 2), ShapeError);
  CHECK_THROWS_AS(compare_gradients({}, {}, 2), ShapeError);
}
