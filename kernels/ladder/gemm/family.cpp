// Matrix products C [m, n] = A [m, k] B [k, n], row-major, float32 in and out.
#include "kernels/gemm.h"
#include "kernels/ladder/gemm/workspace.h"
#include "kernels/ladder/ladder.h"
#include "kernels/products/plan.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace kantor::ladder {

ProductPlan gemm::engine_plan(const GemmCall& call) {
  return plan_product(size_of(call).value(), Arithmetic::float32, multiprocessors, false);
}

namespace {

std::vector<Expected> reference(const Sizes& sizes, const std::vector<std::vector<float>>& inputs) {
  const auto m = static_cast<size_t>(sizes[0]), n = static_cast<size_t>(sizes[1]), k = static_cast<size_t>(sizes[2]);
  Expected c{std::vector<double>(m * n), std::vector<double>(m * n)};
  for (size_t row = 0; row < m; ++row) {
    double* const values = c.values.data() + row * n;
    double* const scale = c.scale.data() + row * n;
    for (size_t i = 0; i < k; ++i) {
      const auto left = static_cast<double>(inputs[0][row * k + i]);
      const float* const right = inputs[1].data() + i * n;
      for (size_t column = 0; column < n; ++column) {
        const double term = left * static_cast<double>(right[column]);
        values[column] += term;
        scale[column] += std::abs(term);
      }
    }
  }
  return {c};
}

int64_t workspace(const Sizes& s) {
  const int64_t of_splits = gemm::splits_of(s[0], s[1], s[2]) * s[0] * s[1];
  const int64_t of_engine = gemm::engine_plan(gemm::engine_call(s, nullptr, nullptr, nullptr)).workspace;
  return gemm::counter_doubles + (std::max(of_splits, of_engine) + 1) / 2;
}

const bool entered = add_family(
    {.name = "gemm",
     .formula = "C[i, j] = sum over l < k of A[i, l] B[l, j]",
     .size_names = {"m", "n", "k"},
     .input_names = {"A [m, k]", "B [k, n]"},
     .output_names = {"C [m, n]"},
     .test_sizes = {{1, 1, 1}, {3, 5, 7}, {65, 33, 129}, {130, 67, 31}, {1, 4, 260}, {128, 128, 64}, {133, 132, 132}},
     .bench_sizes = {{256, 512, 512}, {768, 512, 512}, {4096, 4096, 4096}},
     .count_sizes = {{128, 256, 128}},
     .inputs =
         [](const Sizes& s) {
           return Sizes{s[0] * s[2], s[2] * s[1]};
         },
     .outputs = [](const Sizes& s) { return Sizes{s[0] * s[1]}; },
     .workspace = workspace,
     .cost = [](const Sizes& s) { return gemm_cost(s[0], s[1], s[2], 4); },
     .reference = reference});

}  // namespace
}  // namespace kantor::ladder
