// The tile engine on the simulator: every kernel that is compiled, over ragged shapes, whole and split, against
// float64. The bits are those of every order of threads, in which asynchronous copies land late or early.
#include "kernels/products/products.h"

#include "kernels/products/plan.h"
#include "kernels/sim/simulator.h"
#include "tests/catch.h"
#include "tests/sim/support.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <tuple>

using namespace kantor;
using namespace kantor::testing;

namespace {

/// What each element should be, and the sum of the absolute values of its terms.
struct Reference {
  std::vector<double> value, magnitude;
  void add(size_t at, double a, double b) {
    value[at] += a * b;
    magnitude[at] += std::fabs(a * b);
  }
};

std::vector<float> draw(int64_t size, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(size));
  for (float& v : values) v = normal(engine);
  return values;
}

/// The most that an element may differ from float64, as a part of its magnitude: the rounding of the operands, and that
/// of the sum.
double tolerance(Arithmetic arithmetic) {
  switch (arithmetic) {
    case Arithmetic::float32:
    case Arithmetic::three_tf32:
      return 1.0 / (1 << 21);
    case Arithmetic::tf32:
      return 1.0 / (1 << 10);
    case Arithmetic::bf16:
      return 1.0 / (1 << 7);
  }
  return 0;
}

/// A product with its operands in the simulator's memory.
struct Problem {
  std::string name;
  ProductSize size;
  size_t outputs;
  Reference reference;
  std::function<void(const ProductPlan&, const SplitMemory&, float* out)> run;
};

Problem matrices(bool ta, bool tb, int64_t m, int64_t n, int64_t k) {
  const auto a = draw(m * k, 1), b = draw(k * n, 2);
  Reference reference{std::vector<double>(static_cast<size_t>(m * n)), std::vector<double>(static_cast<size_t>(m * n))};
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      for (int64_t l = 0; l < k; ++l) {
        reference.add(static_cast<size_t>(i * n + j), a[static_cast<size_t>(ta ? l * m + i : i * k + l)],
                      b[static_cast<size_t>(tb ? j * k + l : l * n + j)]);
      }
    }
  }
  const auto left = std::make_shared<Array>(a), right = std::make_shared<Array>(b);
  const GemmCall call{ta, tb, m, n, k, left->get(), right->get(), {}, nullptr};
  return {fmt::format("gemm {}{} {}x{}x{}", ta ? 't' : 'n', tb ? 't' : 'n', m, n, k), size_of(call).value(),
          static_cast<size_t>(m * n), std::move(reference),
          [left, right, call](const ProductPlan& plan, const SplitMemory& memory, float* out) {
            GemmCall to_out = call;
            to_out.c = out;
            sim::tile_gemm(to_out, plan, memory, nullptr);
          }};
}

Problem convolution(ConvPass pass, ConvShape c) {
  c.out_height = (c.height + 2 * c.padding - c.kernel_height) / c.stride + 1;
  c.out_width = (c.width + 2 * c.padding - c.kernel_width) / c.stride + 1;
  const int64_t images = c.batch * c.height * c.width * c.channels;
  const auto x = draw(images, 3), w = draw(c.filters * c.window(), 4), y = draw(c.pixels() * c.filters, 5);
  const size_t outputs = pass == ConvPass::forward ? y.size() : pass == ConvPass::input_grad ? x.size() : w.size();
  Reference reference{std::vector<double>(outputs), std::vector<double>(outputs)};
  for (int64_t pixel = 0; pixel < c.pixels(); ++pixel) {
    const int64_t image = pixel / (c.out_height * c.out_width), oy = pixel / c.out_width % c.out_height;
    for (int64_t element = 0; element < c.window(); ++element) {
      const int64_t tap = element / c.channels, row = oy * c.stride - c.padding + tap / c.kernel_width;
      const int64_t column = pixel % c.out_width * c.stride - c.padding + tap % c.kernel_width;
      if (row < 0 || row >= c.height || column < 0 || column >= c.width) continue;
      const auto at_x =
          static_cast<size_t>(((image * c.height + row) * c.width + column) * c.channels + element % c.channels);
      for (int64_t o = 0; o < c.filters; ++o) {
        const auto at_w = static_cast<size_t>(o * c.window() + element),
                   at_y = static_cast<size_t>(pixel * c.filters + o);
        if (pass == ConvPass::forward) reference.add(at_y, x[at_x], w[at_w]);
        if (pass == ConvPass::input_grad) reference.add(at_x, y[at_y], w[at_w]);
        if (pass == ConvPass::weight_grad) reference.add(at_w, y[at_y], x[at_x]);
      }
    }
  }
  const auto image = std::make_shared<Array>(x), filter = std::make_shared<Array>(w),
             output = std::make_shared<Array>(y);
  const ConvCall call{pass, c, image->get(), filter->get(), output->get(), {}};
  return {
      fmt::format("pass {}, {}x{}x{}x{} -> {}, kernel {}x{}, stride {}, padding {}", static_cast<int>(pass), c.batch,
                  c.height, c.width, c.channels, c.filters, c.kernel_height, c.kernel_width, c.stride, c.padding),
      size_of(call).value(), outputs, std::move(reference),
      [image, filter, output, call](const ProductPlan& plan, const SplitMemory& memory, float* out) {
        ConvCall to_out = call;
        (call.pass == ConvPass::forward      ? to_out.output
         : call.pass == ConvPass::input_grad ? to_out.image
                                             : to_out.filter) = out;
        sim::tile_conv2d(to_out, plan, memory, nullptr);
      }};
}

/// Ragged in every direction, aligned and not, with more taps than pixels and classes without taps.
std::vector<Problem> problems() {
  std::vector<Problem> all;
  for (const auto& [ta, tb] : {std::pair(false, false), std::pair(false, true), std::pair(true, false)}) {
    all.push_back(matrices(ta, tb, 36, 36, 260));
    all.push_back(matrices(ta, tb, 36, 20, 68));
    all.push_back(matrices(ta, tb, 33, 5, 37));
  }
  for (const ConvPass pass : {ConvPass::forward, ConvPass::input_grad, ConvPass::weight_grad}) {
    all.push_back(convolution(pass, {3, 6, 5, 12, 0, 0, 8, 3, 2, 1, 1}));
    all.push_back(convolution(pass, {2, 5, 6, 5, 0, 0, 3, 3, 3, 2, 1}));
    all.push_back(convolution(pass, {1, 7, 7, 8, 0, 0, 4, 1, 2, 3, 0}));
  }
  all.push_back(convolution(ConvPass::weight_grad, {4, 12, 11, 3, 0, 0, 16, 4, 4, 2, 1}));
  all.push_back(convolution(ConvPass::weight_grad, {4, 9, 9, 1, 0, 0, 8, 5, 5, 2, 2}));
  return all;
}

/// Every compiled tiling, whole and split in two, collected and added.
std::vector<ProductPlan> plans_of(const Problem& problem) {
  const ProductSize& p = problem.size;
  std::vector<Arithmetic> arithmetics{Arithmetic::float32};
  if (p.m * p.n * p.k * p.parts < 100'000) {
    arithmetics.push_back(Arithmetic::tf32);
#ifndef KANTOR_SIM_RACES  // their accesses are those of TF32
    arithmetics.push_back(Arithmetic::three_tf32);
    arithmetics.push_back(Arithmetic::bf16);
#endif
  }
  std::vector<ProductPlan> plans;
  for (const Arithmetic a : arithmetics) {
    each_plan(p, a, [&](const ProductPlan& plan) {
#ifdef KANTOR_SIM_RACES  // where the many reads of a warpgroup take long
      if (by_warpgroups(plan) && (plan.splits > 1 || p.k > 100)) return;
#endif
      if (plan.splits <= 2) plans.push_back(plan);
    });
  }
  return plans;
}

std::vector<float> result_of(const Problem& problem, const ProductPlan& plan) {
  const Array workspace(static_cast<size_t>(plan.workspace), std::nanf("")),
      arrived(static_cast<size_t>(plan.counters));
  const Array out(problem.outputs, std::nanf(""));
  problem.run(plan, {workspace.get(), reinterpret_cast<unsigned*>(arrived.get())}, out.get());
  for (const float count : arrived.host()) REQUIRE(count == 0);  // ready for the next launch
  return out.host();
}

}  // namespace

TEST_CASE("sim: every kernel of the tile engine agrees with float64, with the same bits in every order of threads") {
  std::set<std::tuple<int, bool, bool>> split;
  for (const Problem& problem : problems()) {
    for (const ProductPlan& plan : plans_of(problem)) {
      INFO(problem.name << ", arithmetic " << static_cast<int>(plan.arithmetic) << ", tiling " << plan.tiling
                        << ", splits " << plan.splits << (plan.second_launch ? ", added" : ""));
      if (plan.arithmetic == Arithmetic::float32) split.insert({plan.tiling, plan.splits > 1, plan.second_launch});
      sim::set_order(sim::Order::forward);
      const auto forward = result_of(problem, plan);
      double worst = 0;
      for (size_t i = 0; i < forward.size(); ++i) {
        const double error = std::fabs(forward[i] - problem.reference.value[i]);
        worst = std::max(worst, error > 0 || std::isnan(error) ? error / problem.reference.magnitude[i] : 0);
      }
      CHECK(worst <= tolerance(plan.arithmetic));
      if (plan.second_launch) continue;  // the first launch is the same
      sim::set_order(sim::Order::reverse);
      const auto reverse = result_of(problem, plan);
      sim::set_order(sim::Order::forward);
      CHECK(std::memcmp(forward.data(), reverse.data(), forward.size() * sizeof(float)) == 0);
    }
  }
  CHECK(split.size() == 15);  // five tilings, each whole, collected and added
}

#ifndef KANTOR_SIM_RACES
TEST_CASE("sim: products by warpgroups fill their tiles, with the same bits in every order of threads") {
  for (const auto& [ta, tb] : {std::pair(false, false), std::pair(false, true), std::pair(true, false)}) {
    const Problem problem = matrices(ta, tb, 132, 264, 132);
    for (const Arithmetic arithmetic : {Arithmetic::tf32, Arithmetic::bf16}) {
      each_plan(problem.size, arithmetic, [&](const ProductPlan& plan) {
        if (!by_warpgroups(plan)) return;
        INFO(problem.name << ", arithmetic " << static_cast<int>(arithmetic) << ", tiling " << plan.tiling);
        std::vector<float> first;
        in_every_order([&] {
          const auto values = result_of(problem, plan);
          if (first.empty()) first = values;
          CHECK(std::memcmp(first.data(), values.data(), values.size() * sizeof(float)) == 0);
        });
        double worst = 0;
        for (size_t i = 0; i < first.size(); ++i) {
          const double error = std::fabs(first[i] - problem.reference.value[i]) / problem.reference.magnitude[i];
          worst = std::isnan(error) ? error : std::max(worst, error);
        }
        CHECK(worst <= tolerance(arithmetic));
      });
    }
  }
}

// On sim both add eight numbers along k at once, in the same order.
TEST_CASE("sim: products by warpgroups round to TF32 as the others do, ties, NaN, infinities and overflow included") {
  constexpr int64_t m = 132, n = 36, k = 68;
  std::vector<float> a = draw(m * k, 6), b = draw(k * n, 7);
  const uint32_t special[] = {0x7fffffffU, 0xffffffffU, 0x7fc00000U, 0xff900000U, 0x7f800000U, 0xff800000U, 0x7f7fffffU,
                              0x3f801000U, 0xbf803000U, 0x3f800fffU, 0x00000fffU, 0x80001000U, 0x007fffffU, 0U};
  for (size_t i = 0; i < std::size(special); ++i) {
    a[i * (9 * k + 5)] = std::bit_cast<float>(special[i]);  // a row each, of most layouts
    b[i * (2 * k + 3)] = std::bit_cast<float>(special[i]);
  }
  const Array left(a), right(b), out(size_t{m * n});
  for (const auto& [ta, tb] : {std::pair(false, false), std::pair(false, true), std::pair(true, false)}) {
    const auto product = [&](int tiling) {
      ProductPlan plan;
      plan.arithmetic = Arithmetic::tf32;
      plan.tiling = tiling;
      sim::tile_gemm({ta, tb, m, n, k, left.get(), right.get(), {}, out.get()}, plan, {}, nullptr);
      return out.host();
    };
    const auto expected = product(0);
    size_t finite = 0, infinite = 0, not_numbers = 0;
    for (int tiling = first_of_warpgroups; tiling < tilings_of(Arithmetic::tf32); ++tiling) {
      const auto values = product(tiling);
      for (size_t i = 0; i < values.size(); ++i) {
        INFO(ta << tb << ", tiling " << tiling << ", element " << i << ": " << values[i] << ", " << expected[i]);
        (std::isnan(expected[i]) ? not_numbers : std::isinf(expected[i]) ? infinite : finite) += 1;
        if (std::isnan(expected[i])) {
          CHECK(std::isnan(values[i]));
        } else {
          CHECK(std::bit_cast<uint32_t>(values[i]) == std::bit_cast<uint32_t>(expected[i]));
        }
      }
    }
    CHECK((finite > 1000 && infinite > 10 && not_numbers > 10));
  }
}
#endif
