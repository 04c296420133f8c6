// Accuracy of the float32 forwards against the standard library in double, over all of float32: NaN, infinities and
// subnormals included. Arithmetic to 1 ULP, transcendental functions to 4.
#include "engine/ops.h"
#include "tests/catch.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

using namespace kantor;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

/// Distance in units of the last place of `expected`; infinite where one is NaN or infinite and the other is not so.
double ulps(float value, double expected) {
  const auto rounded = static_cast<float>(expected);
  if (std::isnan(rounded)) return std::isnan(value) ? 0 : infinity;
  if (std::isinf(rounded) || !std::isfinite(value)) return value == rounded ? 0 : infinity;
  const int exponent = std::max(std::ilogb(expected), -126);  // FP_ILOGB0 for 0
  return std::abs(value - expected) / std::ldexp(1.0, exponent - 23);
}

/// Every exponent of float32 with both signs, and mantissas spread over it; then the special values.
const std::vector<float>& all_over() {
  static const std::vector<float> values = [] {
    std::vector<float> result;
    for (uint64_t bits = 0; bits < (1ULL << 32U); bits += 20011) {
      const float value = std::bit_cast<float>(static_cast<uint32_t>(bits));
      result.push_back(std::isnan(value) ? nan_value : value);
    }
    for (int i = -20000; i <= 20000; ++i) result.push_back(static_cast<float>(i) * 0.0053F);  // -106 to 106
    for (const float value : {0.F, -0.F, 1.F, -1.F, infinity, -infinity, nan_value, 88.72F, 88.73F, -103.9F, -104.F,
                              std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min()}) {
      result.push_back(value);
    }
    return result;
  }();
  return values;
}

Tensor vector_of(const std::vector<float>& values) {
  return from_host(values, {static_cast<int64_t>(values.size())});
}

/// The input with the largest error, and that error.
struct Worst {
  double error = 0;
  std::string at;

  void meet(double ulp, const std::string& where) {
    if (ulp > error) {
      error = ulp;
      at = where;
    }
  }
};

struct UnaryCase {
  const char* name;
  double bar;
  std::function<Tensor(const Tensor&)> op;
  std::function<double(double)> expected;
};

double softplus_of(double v) {
  return std::isnan(v) ? v : std::max(v, 0.0) + std::log1p(std::exp(-std::abs(v)));
}

const std::vector<UnaryCase>& unary_cases() {
  static const std::vector<UnaryCase> cases = {
      {"scale_shift", 1, [](const Tensor& x) { return scale_shift(x, 3, 0); }, [](double v) { return 3 * v; }},
      {"sqrt", 1, [](const Tensor& x) { return sqrt(x); }, [](double v) { return std::sqrt(v); }},
      {"square", 1, [](const Tensor& x) { return square(x); }, [](double v) { return v * v; }},
      {"abs", 0, [](const Tensor& x) { return abs(x); }, [](double v) { return std::abs(v); }},
      {"sign", 0, [](const Tensor& x) { return sign(x); },
       [](double v) { return std::isnan(v) ? v : static_cast<double>((v > 0) - (v < 0)); }},
      {"clamp", 0, [](const Tensor& x) { return clamp(x, -0.5, 2); },
       [](double v) { return std::isnan(v) ? v : std::min(std::max(v, -0.5), 2.0); }},
      {"safe_reciprocal", 1, [](const Tensor& x) { return safe_reciprocal(x); },
       [](double v) { return v == 0 ? 0 : 1 / v; }},
      {"relu", 0, [](const Tensor& x) { return relu(x); }, [](double v) { return v < 0 ? 0 : v; }},
      {"leaky_relu", 1, [](const Tensor& x) { return leaky_relu(x, 0.25); },
       [](double v) { return v < 0 ? 0.25 * v : v; }},
      {"exp", 4, [](const Tensor& x) { return exp(x); }, [](double v) { return std::exp(v); }},
      {"log", 4, [](const Tensor& x) { return log(x); }, [](double v) { return std::log(v); }},
      {"pow 1/3", 4, [](const Tensor& x) { return pow(x, 1.0 / 3); }, [](double v) { return std::pow(v, 1.0 / 3); }},
      {"pow -2", 4, [](const Tensor& x) { return pow(x, -2); }, [](double v) { return std::pow(v, -2); }},
      {"tanh", 4, [](const Tensor& x) { return tanh(x); }, [](double v) { return std::tanh(v); }},
      {"sigmoid", 4, [](const Tensor& x) { return sigmoid(x); }, [](double v) { return 1 / (1 + std::exp(-v)); }},
      {"softplus", 4, [](const Tensor& x) { return softplus(x); }, softplus_of},
  };
  return cases;
}

}  // namespace

TEST_CASE("ulp: functions of one operand, over all of float32") {
  const std::vector<float>& x = all_over();
  const Tensor input = vector_of(x);
  for (const UnaryCase& c : unary_cases()) {
    const auto y = c.op(input).to_vector<float>();
    Worst worst;
    for (size_t i = 0; i < x.size(); ++i) {
      worst.meet(ulps(y[i], c.expected(static_cast<double>(x[i]))), std::to_string(x[i]));
    }
    INFO(c.name << " is off by " << worst.error << " ULP at " << worst.at);
    CHECK(worst.error <= c.bar);
  }
}

TEST_CASE("ulp: every place in a vector register gives a function's accuracy") {
  for (const UnaryCase& c : unary_cases()) {
    INFO(c.name);
    for (const int64_t size : {1, 3, 15, 16, 17, 31, 33}) {
      const std::vector<float> x(static_cast<size_t>(size), 0.7F);
      for (const float y : c.op(vector_of(x)).to_vector<float>()) CHECK(ulps(y, c.expected(0.7F)) <= c.bar);
    }
  }
}

TEST_CASE("ulp: arithmetic of two operands") {
  struct BinaryCase {
    const char* name;
    std::function<Tensor(const Tensor&, const Tensor&)> op;
    std::function<double(double, double)> expected;
  };
  const auto nan_or = [](double a, double b, double value) { return std::isnan(a) || std::isnan(b) ? a + b : value; };
  const std::vector<BinaryCase> cases = {
      {"add", add, [](double a, double b) { return a + b; }},
      {"sub", sub, [](double a, double b) { return a - b; }},
      {"mul", mul, [](double a, double b) { return a * b; }},
      {"div", kantor::div, [](double a, double b) { return a / b; }},
      {"maximum", maximum, [&](double a, double b) { return nan_or(a, b, std::max(a, b)); }},
      {"greater_equal", greater_equal, [](double a, double b) { return a >= b ? 1.0 : 0.0; }},
  };
  const std::vector<float>& a = all_over();
  std::vector<float> b = a;  // pairs each value with one of another size and sign
  std::rotate(b.begin(), b.begin() + static_cast<std::ptrdiff_t>(b.size() / 3 + 7), b.end());
  for (const float special : {infinity, -infinity, nan_value, 0.F, 1.5F}) {
    for (const BinaryCase& c : cases) {
      const auto paired = c.op(vector_of(a), vector_of(b)).to_vector<float>();
      const auto repeated = c.op(vector_of(a), full({}, special)).to_vector<float>();
      const auto swapped = c.op(full({}, special), vector_of(a)).to_vector<float>();
      Worst worst;
      for (size_t i = 0; i < a.size(); ++i) {
        const std::string where = std::to_string(a[i]) + ", " + std::to_string(b[i]);
        worst.meet(ulps(paired[i], c.expected(a[i], b[i])), where);
        worst.meet(ulps(repeated[i], c.expected(a[i], special)), where);
        worst.meet(ulps(swapped[i], c.expected(special, a[i])), where);
      }
      INFO(c.name << " is off by " << worst.error << " ULP at " << worst.at << ", repeated operand " << special);
      CHECK(worst.error <= 1);
    }
  }
}

TEST_CASE("ulp: activation_grad in terms of the output") {
  struct GradCase {
    Activation::Kind kind;
    std::function<double(double)> derivative;
    float low, high;
  };
  const std::vector<GradCase> cases = {
      {Activation::Kind::tanh, [](double y) { return 1 - y * y; }, -0.7F, 0.7F},
      {Activation::Kind::sigmoid, [](double y) { return y * (1 - y); }, 0.001F, 1},
      {Activation::Kind::softplus, [](double y) { return -std::expm1(-y); }, 0, 120},
      {Activation::Kind::relu, [](double y) { return y > 0 ? 1.0 : 0.0; }, -3, 3},
      {Activation::Kind::leaky_relu, [](double y) { return y > 0 ? 1.0 : 0.25; }, -3, 3},
  };
  for (const GradCase& c : cases) {
    std::vector<float> g, y;
    for (int i = 0; i <= 50000; ++i) {
      y.push_back(c.low + (c.high - c.low) * static_cast<float>(i) / 50000.F);
      g.push_back(static_cast<float>(i % 101 - 50) * 0.37F);
    }
    const auto result = activation_grad(vector_of(g), vector_of(y), {c.kind, 0.25}).to_vector<float>();
    Worst worst;
    for (size_t i = 0; i < y.size(); ++i) {
      worst.meet(ulps(result[i], static_cast<double>(g[i]) * c.derivative(y[i])), std::to_string(y[i]));
    }
    INFO("kind " << static_cast<int>(c.kind) << " is off by " << worst.error << " ULP at y = " << worst.at);
    CHECK(worst.error <= 4);
  }
}

TEST_CASE("ulp: bias_activate equals the activation of the sum") {
  const std::vector<float>& x = all_over();
  const int64_t channels = 37, rows = static_cast<int64_t>(x.size()) / channels;
  const Tensor input = from_host(std::span(x).first(static_cast<size_t>(rows * channels)), {rows, channels});
  std::vector<float> shifts;
  for (int64_t i = 0; i < channels; ++i) shifts.push_back(static_cast<float>(i - 18) * 0.125F);
  for (const auto kind : {Activation::Kind::identity, Activation::Kind::relu, Activation::Kind::leaky_relu,
                          Activation::Kind::tanh, Activation::Kind::sigmoid, Activation::Kind::softplus}) {
    const auto fused = bias_activate(input, vector_of(shifts), {kind}).to_vector<float>();
    const auto parts = activate(input + vector_of(shifts), {kind}).to_vector<float>();
    Worst worst;
    for (size_t i = 0; i < fused.size(); ++i) worst.meet(ulps(fused[i], parts[i]), std::to_string(x[i]));
    INFO("kind " << static_cast<int>(kind) << ": " << worst.error << " ULP apart at " << worst.at);
    CHECK(worst.error <= 1);
  }
}
