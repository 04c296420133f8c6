// The two-sided gradient penalty of input gradients g [rows, width]: what kernels/gradient_penalty.cu computes.
#include "kernels/gradient_penalty.h"
#include "kernels/ladder/ladder.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

namespace kantor::ladder {
namespace {

/// Nothing cancels but n - 1: values count by themselves, and no less than a hundredth.
Expected with_scale(std::vector<double> values) {
  std::vector<double> scale = values;
  for (double& value : scale) value = std::max(std::abs(value), 0.01);
  return {std::move(values), std::move(scale)};
}

std::vector<Expected> reference(const Sizes& sizes, const std::vector<std::vector<float>>& inputs) {
  const auto rows = static_cast<size_t>(sizes[0]), width = static_cast<size_t>(sizes[1]);
  const double share = 10 / static_cast<double>(rows);
  std::vector<double> value{0}, derivative(rows * width), norms(rows);
  for (size_t r = 0; r < rows; ++r) {
    double squares = 0;
    for (size_t i = 0; i < width; ++i) {
      squares += static_cast<double>(inputs[0][r * width + i]) * static_cast<double>(inputs[0][r * width + i]);
    }
    const double n = std::sqrt(squares);
    norms[r] = n;
    value[0] += share * (n - 1) * (n - 1);
    for (size_t i = 0; i < width; ++i) {
      const double g = static_cast<double>(inputs[0][r * width + i]);
      derivative[r * width + i] = n == 0 ? 0 : share * 2 * (n - 1) / n * g;
    }
  }
  return {with_scale(value), with_scale(derivative), with_scale(norms)};
}

const bool entered =
    add_family({.name = "gradient_penalty",
                .formula = "10/rows sum over rows of (n - 1)^2 with n = |g_row|, its derivative by g, and the norms",
                .size_names = {"rows", "width"},
                .test_sizes = {{1, 1}, {3, 7}, {65, 33}, {5, 1500}, {2, 20000}},
                .bench_sizes = {{256, 2}, {256, 784}, {256, 3072}, {256, 65536}},
                .count_sizes = {{256, 784}},
                .inputs = [](const Sizes& s) { return Sizes{s[0] * s[1]}; },
                .outputs =
                    [](const Sizes& s) {
                      return Sizes{1, s[0] * s[1], s[0]};
                    },
                .workspace = [](const Sizes& s) { return s[0]; },
                .cost = [](const Sizes& s) { return gradient_penalty_cost(s[0], s[1], 4); },
                .reference = reference});

}  // namespace
}  // namespace kantor::ladder
