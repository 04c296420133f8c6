// Random numbers: Philox's published answers, the counter layout, and the distributions.
#include "engine/random.h"

#include "engine/cpu/box_muller.h"
#include "engine/error.h"
#include "engine/in_place.h"
#include "engine/optimizer.h"
#include "engine/step.h"
#include "engine/threads.h"
#include "tests/catch.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

using namespace kantor;

namespace {

Tensor counter(int64_t value) {
  return from_host(std::vector<int64_t>{value}, {}, {DType::int64, {}});
}

/// Largest distance of the sample's distribution function from `cdf`, times sqrt(n): above 1.95 once in 1000 samples.
double kolmogorov_smirnov(std::vector<double> sample, double (*cdf)(double)) {
  std::sort(sample.begin(), sample.end());
  const auto n = static_cast<double>(sample.size());
  double worst = 0;
  for (size_t i = 0; i < sample.size(); ++i) {
    const double f = cdf(sample[i]), rank = static_cast<double>(i);
    worst = std::max({worst, f - rank / n, (rank + 1) / n - f});
  }
  return worst * std::sqrt(n);
}

double uniform_cdf(double x) {
  return std::clamp(x, 0.0, 1.0);
}

double normal_cdf(double x) {
  return std::erfc(-x / std::sqrt(2.0)) / 2;
}

}  // namespace

TEST_CASE("random: Philox4x32-10 gives the published words") {
  using Words = std::array<uint32_t, 4>;
  CHECK(philox4x32({0, 0, 0, 0}, 0) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr uint32_t ones = 0xffffffff;
  CHECK(philox4x32({ones, ones, ones, ones}, ~uint64_t{0}) == Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0x299f31d0a4093822) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("random: element i takes word i%4 of the block (i/4, stream, step)") {
  const auto values = uniform({2, 7}, 99, 5, counter(3)).to_vector<float>();
  for (size_t i = 0; i < values.size(); ++i) {
    CHECK(values[i] == uniform_from_bits(philox4x32({static_cast<uint32_t>(i / 4), 5, 3, 0}, 99)[i % 4]));
  }
  const auto wide = uniform({14}, 99, 5, counter(3), DType::float64).to_vector<double>();
  CHECK(std::equal(values.begin(), values.end(), wide.begin()));
  HostRandom host(99, 5, 3);
  for (const float value : values) CHECK(host.uniform() == static_cast<double>(value));
}

TEST_CASE("random: a draw depends on seed, stream, step and element only") {
  const auto draw = [](uint64_t seed, uint32_t stream, int64_t step, int64_t size = 64) {
    return uniform({size}, seed, stream, counter(step)).to_vector<float>();
  };
  const auto base = draw(1, 2, 3);
  CHECK(base == draw(1, 2, 3));
  CHECK(base != draw(2, 2, 3));
  CHECK(base != draw(1, 3, 3));
  CHECK(base != draw(1, 2, 4));
  CHECK(base != draw(uint64_t{1} << 32 | 1, 2, 3));
  CHECK(base != draw(1, 2, int64_t{1} << 32 | 3));
  const auto longer = draw(1, 2, 3, 100003);
  CHECK(std::equal(base.begin(), base.end(), longer.begin()));

  const int before = threads();
  for (const int count : {1, 2, 3}) {
    set_threads(count);
    CHECK(longer == draw(1, 2, 3, 100003));
  }
  set_threads(before);
}

TEST_CASE("random: sim and cpu: a draw may begin at any element, and uniforms and integers have the same bits") {
  for (const Device device : {Device{}, Device{Device::Kind::sim, 0}}) {
    const Tensor step = counter(3).to(device);
    const auto u = uniform({4000}, {1, 2, counter(3), 0}).to_vector<float>();
    const auto z = normal({4000}, {1, 2, counter(3), 0}, DType::float64).to_vector<double>();
    const auto n = random_below({4000}, 1000, {1, 2, counter(3), 0}).to_vector<int64_t>();
    for (const int64_t first : {0, 1, 2, 3, 4, 7, 45}) {
      for (const int64_t size : {0, 1, 2, 3, 4, 5, 3000}) {
        const Draw draw{1, 2, step, first};
        const auto a = uniform({size}, draw).to_vector<float>();
        const auto b = normal({size}, draw, DType::float64).to_vector<double>();
        const auto c = random_below({size}, 1000, draw).to_vector<int64_t>();
        CHECK(std::equal(a.begin(), a.end(), u.begin() + first));
        CHECK(std::equal(c.begin(), c.end(), n.begin() + first));
        for (size_t i = 0; i < b.size(); ++i) CHECK(b[i] == Approx(z[static_cast<size_t>(first) + i]).epsilon(1e-12));
      }
    }
  }
  CHECK_THROWS_AS(uniform({1}, Draw{1, 2, counter(3), -1}), ShapeError);
}

TEST_CASE("random: sim and cpu: normals in float32 have the same bits") {
  const Tensor step = counter(5), on_sim = step.to(Device{Device::Kind::sim, 0});
  for (const int64_t first : {0, 6}) {  // in packs, and one by one
    CHECK(normal({200'003}, {3, 1, on_sim, first}).to_vector<float>() ==
          normal({200'003}, {3, 1, step, first}).to_vector<float>());
  }
}

TEST_CASE("random: normals are the formula's, and in float32 rounded from it, to the bit") {
  const auto formula = [](uint32_t a, uint32_t b) {
    const double radius = std::sqrt(-2 * std::log(1.0 - static_cast<double>(uniform_from_bits(a))));
    const double angle = 2 * std::numbers::pi * static_cast<double>(uniform_from_bits(b));
    return std::array<double, 2>{radius * std::cos(angle), radius * std::sin(angle)};
  };
  constexpr uint32_t blocks = 200'000;  // about a dozen of these numbers lie near the middle of two floats
  const Shape shape{4 * int64_t{blocks}};
  const auto narrow = normal(shape, 5, 2, counter(7)).to_vector<float>();
  const auto wide = normal(shape, 5, 2, counter(7), DType::float64).to_vector<double>();
  bool same = true;
  for (uint32_t block = 0; block < blocks; ++block) {
    const auto words = philox4x32({block, 2, 7, 0}, 5);
    for (size_t k = 0; k < 4; ++k) {
      const double expected = formula(words[k / 2 * 2], words[k / 2 * 2 + 1])[k % 2];
      same = same && wide[4 * block + k] == expected && narrow[4 * block + k] == static_cast<float>(expected);
    }
  }
  CHECK(same);
  // Words that a draw seldom has: no radius, the largest one, angles on the axes and beside them.
  constexpr uint32_t unit = 1U << 8, quarter = 1U << 30;
  std::vector<uint32_t> a, b;
  for (const uint32_t radius : {0U, unit, 2 * unit, quarter, 3 * quarter, ~0U - unit, ~0U}) {
    for (uint32_t axis = 0; axis < 4; ++axis) {
      for (const uint32_t angle : {axis * quarter, axis * quarter + unit, axis * quarter - unit,
                                   axis * quarter + quarter / 2, axis * quarter + quarter / 2 - unit}) {
        a.push_back(radius);
        b.push_back(angle);
      }
    }
  }
  a.resize((a.size() / cpu::normal_batch + 1) * cpu::normal_batch);
  b.resize(a.size());
  for (size_t first = 0; first < a.size(); first += cpu::normal_batch) {
    std::array<float, 4 * cpu::normal_batch> found;
    cpu::normal_pairs(a.data() + first, b.data() + first, found.data());
    for (size_t i = 0; i < cpu::normal_batch; ++i) {
      const auto expected = formula(a[first + i], b[first + i]);
      CHECK(found[4 * i] == static_cast<float>(expected[0]));
      CHECK(found[4 * i + 1] == static_cast<float>(expected[1]));
    }
  }
}

// So the product of the two is off by less than the 2^-41 for which the formula is asked: for every pair of words.
TEST_CASE("random: the series for normals in float32 are within 2^-44 of the formula for every word") {
  double radius = 0, direction = 0;
  for (int32_t v = 1; v < 1 << 24; ++v) {
    const double u = v * 0x1p-24, angle = 2 * std::numbers::pi * u;
    const auto [cosine, sine] = cpu::series_direction(v);
    radius = std::max(radius, std::abs(cpu::series_radius((1 << 24) - v) / std::sqrt(-2 * std::log(1.0 - u)) - 1));
    direction = std::max({direction, std::abs(cosine / std::cos(angle) - 1), std::abs(sine / std::sin(angle) - 1)});
  }
  CHECK(radius < 0x1p-44);
  CHECK(direction < 0x1p-44);
}

TEST_CASE("random: replays draw anew, as eager steps do") {
  const auto run = [](bool capture) {
    const Tensor step = counter(0), out = zeros({5});
    std::vector<std::vector<float>> draws;
    Step body(
        [&] {
          increment(step);
          out.copy_from(normal({5}, 7, 1, step));
        },
        {}, capture);
    for (int i = 0; i < 6; ++i) {
      body();
      draws.push_back(out.to_vector<float>());
    }
    return draws;
  };
  const auto draws = run(true);
  CHECK(draws == run(false));
  for (size_t i = 1; i < draws.size(); ++i) CHECK(draws[i] != draws[i - 1]);
}

TEST_CASE("random: uniforms and normals have their distributions") {
  constexpr int64_t n = 200000;
  const auto u = uniform({n}, 11, 0, counter(0), DType::float64).to_vector<double>();
  CHECK(*std::min_element(u.begin(), u.end()) >= 0);
  CHECK(*std::max_element(u.begin(), u.end()) < 1);
  CHECK(kolmogorov_smirnov(u, uniform_cdf) < 1.95);

  const auto z = normal({n}, 12, 0, counter(0), DType::float64).to_vector<double>();
  CHECK(kolmogorov_smirnov(z, normal_cdf) < 1.95);
  double neighbours = 0;  // the two normals of one pair of words must not be correlated
  for (size_t i = 0; i + 1 < z.size(); i += 2) neighbours += z[i] * z[i + 1];
  CHECK(std::abs(neighbours / std::sqrt(n / 2.0)) < 4);

  HostRandom host(13, 0);
  std::vector<double> sequential(20000);
  for (double& value : sequential) value = host.normal();
  CHECK(kolmogorov_smirnov(sequential, normal_cdf) < 1.95);
}

TEST_CASE("random: integers below n are even and stay below it") {
  const auto draws = random_below({70000}, 7, 5, 0, counter(0)).to_vector<int64_t>();
  std::vector<double> counts(7);
  HostRandom host(5, 0);
  for (const int64_t draw : draws) {
    REQUIRE(draw >= 0);
    REQUIRE(draw < 7);
    REQUIRE(draw == host.below(7));
    ++counts[static_cast<size_t>(draw)];
  }
  double chi_square = 0;
  for (const double count : counts) chi_square += (count - 10000) * (count - 10000) / 10000;
  CHECK(chi_square < 22.5);  // six degrees of freedom: once in 1000 seeds
  const int64_t most = int64_t{1} << 31;
  for (const int64_t draw : random_below({1000}, most, 5, 0, counter(0)).to_vector<int64_t>()) CHECK(draw < most);
  CHECK(random_below({3}, 1, 5, 0, counter(0)).to_vector<int64_t>() == std::vector<int64_t>{0, 0, 0});
}

TEST_CASE("random: what cannot be drawn is refused") {
  CHECK(uniform({0}, 1, 1, counter(0)).size() == 0);
  CHECK_THROWS_AS(random_below({3}, 0, 1, 1, counter(0)), ShapeError);
  CHECK_THROWS_AS(HostRandom(1, 1).below(0), ShapeError);
  CHECK_THROWS_AS(uniform({3}, 1, 1, zeros({})), DTypeError);
  CHECK_THROWS_AS(normal({3}, 1, 1, counter(0), DType::int64), DTypeError);
}
