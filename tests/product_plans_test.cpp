// The plans of products: for every product that the tile engine takes there is one, a kernel is compiled for it, its
// memory is what its splits need, and copies of four floats are only where they are aligned.
#include "kernels/products/plan.h"
#include "tests/catch.h"

#include <cmath>
#include <fmt/format.h>
#include <string>
#include <utility>
#include <vector>

using namespace kantor;

namespace {

constexpr Arithmetic arithmetics[] = {Arithmetic::float32, Arithmetic::three_tf32, Arithmetic::tf32, Arithmetic::bf16};

alignas(16) float memory[8];  // for its addresses
const float* const aligned_floats = memory;
const float* const shifted_floats = memory + 1;

struct Case {
  std::string name;
  ProductSize size;
  int vector_left, vector_right;  // that it should have
};

Case matrices(int64_t m, int64_t n, int64_t k, int vector, bool ta = false, bool tb = false,
              const float* a = aligned_floats, const float* b = aligned_floats) {
  const auto size = size_of(GemmCall{ta, tb, m, n, k, a, b, {}, nullptr});
  REQUIRE(size.has_value());
  return {fmt::format("{}x{}x{}{}{}", m, n, k, ta ? ", left transposed" : "", tb ? ", right transposed" : ""), *size,
          vector, vector};
}

ConvShape convolution(int64_t batch, int64_t extent, int64_t channels, int64_t filters, int64_t kernel, int64_t stride,
                      int64_t padding) {
  const int64_t out = (extent + 2 * padding - kernel) / stride + 1;
  return {batch, extent, extent, channels, out, out, filters, kernel, kernel, stride, padding};
}

Case pass_of(ConvPass pass, const ConvShape& shape, int vector_left, int vector_right) {
  const auto size = size_of(ConvCall{pass, shape, memory, memory, memory, {}});
  REQUIRE(size.has_value());
  return {fmt::format("pass {} of {}x{}x{}x{} to {}", static_cast<int>(pass), shape.batch, shape.height, shape.width,
                      shape.channels, shape.filters),
          *size, vector_left, vector_right};
}

std::vector<Case> cases() {
  std::vector<Case> all{
      // one of the sizes is 1, and nothing to add up
      matrices(1, 1, 1, 1), matrices(1, 512, 512, 4), matrices(256, 1, 512, 1), matrices(256, 1, 512, 4, false, true),
      matrices(256, 512, 1, 1), matrices(256, 512, 1, 4, true), matrices(8, 8, 0, 4), matrices(7, 5, 0, 1),
      // layers of MLPs, forward and backward
      matrices(256, 512, 512, 4), matrices(768, 512, 512, 4, false, true), matrices(512, 512, 768, 4, true),
      matrices(256, 128, 2, 1), matrices(256, 128, 784, 4), matrices(128, 127, 256, 1),
      // short and long k, small and large results
      matrices(128, 128, 124, 4), matrices(128, 128, 128, 4), matrices(4, 4, 1 << 20, 4), matrices(4096, 4096, 4096, 4),
      matrices(1 << 20, 64, 64, 4), matrices(1 << 22, 256, 4, 4),
      // neighbours are a multiple of four floats, but the array begins between such places
      matrices(256, 512, 512, 1, false, false, shifted_floats, aligned_floats),
      matrices(256, 512, 512, 1, false, false, aligned_floats, shifted_floats)};
  for (const ConvPass pass : {ConvPass::forward, ConvPass::input_grad, ConvPass::weight_grad}) {
    for (const ConvShape& shape : {convolution(64, 14, 64, 128, 5, 2, 2), convolution(128, 32, 128, 128, 3, 1, 1),
                                   convolution(1, 5, 8, 4, 1, 3, 0), convolution(2, 4, 12, 8, 4, 1, 0)}) {
      all.push_back(pass_of(pass, shape, 4, 4));
    }
    all.push_back(pass_of(pass, convolution(2, 6, 5, 3, 3, 2, 1), 1, 1));
  }
  // pictures: only the left operand of their weight gradient is aligned
  all.push_back(pass_of(ConvPass::weight_grad, convolution(64, 28, 1, 64, 5, 2, 2), 4, 1));
  all.push_back(pass_of(ConvPass::weight_grad, convolution(128, 64, 3, 64, 4, 2, 1), 4, 1));
  all.push_back(pass_of(ConvPass::weight_grad, convolution(128, 64, 4, 63, 4, 2, 1), 1, 1));
  return all;
}

void check_plan(const ProductSize& size, const ProductPlan& plan) {
  CHECK(is_compiled(plan.arithmetic, plan.tiling, plan.vector_left, plan.vector_right, size.single_right));
  CHECK((plan.vector_left == size.vector_left && plan.vector_right == size.vector_right));
  const Tiling tiling = tiling_of(plan.arithmetic, plan.tiling);
  const int64_t tiles = pieces(size.m, tiling.rows) * pieces(size.n, tiling.columns) * size.parts;
  if (plan.splits == 1) {
    CHECK_FALSE(plan.second_launch);
    CHECK((plan.workspace == 0 && plan.counters == 0));
  } else if (plan.second_launch) {
    CHECK((plan.workspace == plan.splits * size.out && plan.counters == 0));
  } else {
    CHECK((plan.workspace == plan.splits * tiles * tiling.rows * tiling.columns && plan.counters == tiles));
    CHECK(plan.counters <= most_counters);
  }
  CHECK(plan.splits >= 1);
  CHECK((plan.splits == 1 || pieces(size.k, tiling.depth) >= plan.splits));
}

}  // namespace

TEST_CASE("product plans: there is one for every product, and it can be launched") {
  for (const Case& c : cases()) {
    CHECK((c.size.vector_left == c.vector_left && c.size.vector_right == c.vector_right));
    for (const Arithmetic arithmetic : arithmetics) {
      INFO(c.name << ", arithmetic " << static_cast<int>(arithmetic));
      size_t candidates = 0;
      each_candidate(c.size, arithmetic, true, [&](const ProductPlan& plan) {
        ++candidates;
        check_plan(c.size, plan);
      });
      REQUIRE(candidates > 0);
      for (const int multiprocessors : {1, 40, 132}) {
        const ProductPlan plan = plan_product(c.size, arithmetic, multiprocessors, true);
        check_plan(c.size, plan);
        const double time = predicted_time(c.size, plan, multiprocessors);
        CHECK((std::isfinite(time) && time > 0));
        each_candidate(c.size, arithmetic, true, [&](const ProductPlan& other) {
          CHECK(predicted_time(c.size, other, multiprocessors) >= time);
        });
      }
    }
  }
}

TEST_CASE("product plans: tensor cores are left to aligned operands, and three products to a long k") {
  for (const Case& c : cases()) {
    for (const Arithmetic arithmetic : arithmetics) {
      INFO(c.name << ", arithmetic " << static_cast<int>(arithmetic));
      const bool aligned = c.vector_left == 4 && c.vector_right == 4;
      each_candidate(c.size, arithmetic, true, [&](const ProductPlan& plan) {
        if (!aligned) CHECK(plan.arithmetic == Arithmetic::float32);
        if (arithmetic != Arithmetic::three_tf32 && aligned) CHECK(plan.arithmetic == arithmetic);
        if (plan.arithmetic == Arithmetic::three_tf32) CHECK(c.size.k >= 128);
      });
    }
  }
}

TEST_CASE("product plans: kernels of warpgroups are left to GPUs that have them, TF32, bfloat16 and large products") {
  for (const Case& c : cases()) {
    for (const Arithmetic arithmetic : arithmetics) {
      INFO(c.name << ", arithmetic " << static_cast<int>(arithmetic));
      each_candidate(c.size, arithmetic, true, [&](const ProductPlan& plan) {
        if (!by_warpgroups(plan)) return;
        CHECK((arithmetic == Arithmetic::tf32 || arithmetic == Arithmetic::bf16));
        CHECK((c.size.m >= 128 && c.size.n >= 128 && c.size.k >= 256));
        CHECK(c.size.m * c.size.n * c.size.k * c.size.parts >= int64_t{1} << 31);
      });
      each_candidate(c.size, arithmetic, false, [](const ProductPlan& plan) { CHECK_FALSE(by_warpgroups(plan)); });
    }
  }
  const ProductSize large = matrices(4096, 4096, 4096, 4).size, small = matrices(1024, 1024, 1024, 4).size;
  for (const Arithmetic arithmetic : {Arithmetic::tf32, Arithmetic::bf16}) {
    CHECK(by_warpgroups(plan_product(large, arithmetic, 132, true)));
    CHECK_FALSE(by_warpgroups(plan_product(large, arithmetic, 132, false)));
    CHECK_FALSE(by_warpgroups(plan_product(small, arithmetic, 132, true)));  // which they did not make faster
  }
  for (const Arithmetic arithmetic : {Arithmetic::float32, Arithmetic::three_tf32}) {
    CHECK_FALSE(by_warpgroups(plan_product(large, arithmetic, 132, true)));
  }
}

TEST_CASE("product plans: products that 32-bit indices do not reach, and two transposed matrices, have none") {
  const auto matrix = [](int64_t m, int64_t n, int64_t k, bool ta, bool tb) {
    return size_of(GemmCall{ta, tb, m, n, k, memory, memory, {}, nullptr});
  };
  CHECK_FALSE(matrix(8, 8, 8, true, true).has_value());
  CHECK_FALSE(matrix(1 << 16, 1 << 15, 8, false, false).has_value());
  CHECK_FALSE(matrix(1 << 16, 8, 1 << 15, false, false).has_value());
  CHECK(matrix(1 << 15, 1 << 15, 8, false, false).has_value());
  const auto forward = [](const ConvShape& shape) {
    return size_of(ConvCall{ConvPass::forward, shape, memory, memory, memory, {}});
  };
  CHECK_FALSE(forward(convolution(1 << 15, 256, 8, 8, 3, 1, 1)).has_value());
  CHECK_FALSE(forward(convolution(2, 16, 8, 8, 6, 1, 0)).has_value());  // 36 taps
  CHECK_FALSE(forward(convolution(2, 32, 3, 8, 4, 2, 1)).has_value());  // kernels of few channels make it
  CHECK(forward(convolution(2, 32, 8, 8, 4, 2, 1)).has_value());
}
