// float32 by three TF32 products is as accurate as float32: over numbers of every kind, its error against float64,
// divided by the sum of the terms' absolute values, is at most twice that of float32 multiply-adds. The simulator's
// tensor cores cut their sums as measurements of Ampere found (kernels/sim/tensor_core.h).
#include "kernels/products/plan.h"
#include "tests/catch.h"
#include "tests/sim/support.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

using namespace kantor;
using namespace kantor::testing;

namespace {

constexpr int rows = 64, columns = 64;

/// Where an element of a matrix of that width lies.
size_t at(int row, int width, int column) {
  return static_cast<size_t>(row) * static_cast<size_t>(width) + static_cast<size_t>(column);
}

std::vector<float> product(const std::vector<float>& a, const std::vector<float>& b, int k, Arithmetic arithmetic) {
  const Array left(a), right(b), out(size_t{rows} * columns, std::nanf(""));
  ProductPlan plan;
  plan.arithmetic = arithmetic;
  plan.tiling = 2;
  sim::tile_gemm({false, false, rows, columns, k, left.get(), right.get(), {}, out.get()}, plan, {}, nullptr);
  return out.host();
}

/// The largest error of an element, as a part of its magnitude.
double largest_error(const std::vector<float>& a, const std::vector<float>& b, int k, Arithmetic arithmetic) {
  const std::vector<float> c = product(a, b, k, arithmetic);
  double largest = 0;
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < columns; ++j) {
      double sum = 0, magnitude = 0;
      for (int l = 0; l < k; ++l) {
        const double term = static_cast<double>(a[at(i, k, l)]) * b[at(l, columns, j)];
        sum += term;
        magnitude += std::fabs(term);
      }
      const double error = std::fabs(c[at(i, columns, j)] - sum);
      if (error > 0) largest = std::max(largest, error / magnitude);
      REQUIRE_FALSE(std::isnan(error));
    }
  }
  return largest;
}

/// A kind of numbers: how an element of each operand is drawn.
struct Kind {
  std::string name;
  std::function<float(std::mt19937&)> left, right;
  bool cancels = false;  // the second half of each sum nearly undoes the first
};

float normal(std::mt19937& engine) {
  return std::normal_distribution<float>()(engine);
}
float uniform(std::mt19937& engine) {
  return std::uniform_real_distribution<float>(-1, 1)(engine);
}
/// Normal numbers times 2^exponent, or times 2^e with e drawn from [-spread, spread].
std::function<float(std::mt19937&)> scaled(int exponent) {
  return [=](std::mt19937& engine) { return std::ldexp(normal(engine), exponent); };
}
std::function<float(std::mt19937&)> spread(int exponents) {
  return [=](std::mt19937& engine) {
    const float x = normal(engine);
    return std::ldexp(x, static_cast<int>(uniform(engine) * static_cast<float>(exponents)));
  };
}

const std::vector<Kind>& kinds() {
  static const auto positive = [](std::mt19937& engine) { return std::fabs(uniform(engine)); };
  static const auto sparse = [](std::mt19937& engine) {
    const float x = normal(engine);
    return uniform(engine) < 0.8F ? 0.0F : x;
  };
  static const std::vector<Kind> all{
      {"normal numbers", normal, normal},
      {"normal numbers that cancel", normal, normal, true},
      {"positive numbers", positive, positive},
      {"positive numbers that cancel", positive, positive, true},
      {"exponents within 20 of each other", spread(20), spread(20)},
      {"exponents within 60 of each other", spread(60), spread(60)},
      {"exponents within 60 that cancel", spread(60), spread(60), true},
      {"nine of ten are zero", sparse, normal},
      {"near the smallest normal number", scaled(-120), normal},
      {"denormal numbers times large ones", scaled(-130), scaled(40)},
      {"the smallest denormal numbers times huge ones", scaled(-140), scaled(100)},
      {"denormal results", scaled(-70), scaled(-70)},
      {"huge numbers times small ones", [](std::mt19937& e) { return std::ldexp(uniform(e), 127); }, scaled(-100)},
      {"products beyond the range of the scaled parts", scaled(100), scaled(20)},
  };
  return all;
}

}  // namespace

TEST_CASE("products: three TF32 products err at most twice as much as float32, whatever the numbers") {
  for (const Kind& kind : kinds()) {
    for (const int k : {128, 256}) {
      for (const unsigned seed : {1U, 2U}) {
        std::mt19937 engine(seed);
        std::vector<float> a(size_t{rows} * static_cast<size_t>(k)), b(static_cast<size_t>(k) * columns);
        for (float& x : a) x = kind.left(engine);
        for (float& x : b) x = kind.right(engine);
        if (kind.cancels) {
          const auto half = static_cast<size_t>(k / 2), depth = static_cast<size_t>(k);
          for (size_t i = 0; i < rows; ++i) std::copy_n(&a[i * depth], half, &a[i * depth + half]);
          for (size_t i = 0; i < half * columns; ++i)
            b[i + half * columns] = -b[i] * (1 + std::ldexp(uniform(engine), -20));
        }
        const double plain = largest_error(a, b, k, Arithmetic::float32);
        const double three = largest_error(a, b, k, Arithmetic::three_tf32);
        INFO(kind.name << ", k = " << k << ", seed " << seed << ": float32 " << plain << ", three products " << three);
        CHECK(three <= 2 * plain);
        if (&kind == &kinds().front())
          CHECK(largest_error(a, b, k, Arithmetic::tf32) > 100 * plain);  // the measure tells
      }
    }
  }
}

TEST_CASE("products: three TF32 products give infinities and NaN where float32 does") {
  constexpr int k = 128;
  constexpr float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  constexpr float largest = std::numeric_limits<float>::max();
  for (const float special : {infinity, -infinity, nan, -nan, largest, -largest, 1e30F}) {
    for (const float other : {0.0F, 1.0F, -2.5F, 1e30F, infinity, 1e-45F}) {
      std::mt19937 engine(3);
      std::vector<float> a(size_t{rows} * k), b(size_t{k} * columns);
      for (float& x : a) x = normal(engine);
      for (float& x : b) x = normal(engine);
      a[at(5, k, 77)] = special;
      for (int j = 0; j < columns; j += 3) b[at(77, columns, j)] = other;
      const auto plain = product(a, b, k, Arithmetic::float32), three = product(a, b, k, Arithmetic::three_tf32);
      INFO(special << " times " << other);
      for (size_t i = 0; i < plain.size(); ++i) {
        CHECK(std::isnan(plain[i]) == std::isnan(three[i]));
        if (std::isinf(plain[i])) CHECK(three[i] == plain[i]);
        if (std::isfinite(plain[i]))
          CHECK(std::fabs(three[i] - plain[i]) <= 1e-5F * std::max(1.0F, std::fabs(plain[i])));
      }
    }
  }
}
