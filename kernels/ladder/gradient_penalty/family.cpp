// The two-sided gradient penalty of input gradients g [rows, width], which are made by a product: what
// kernels/gradient_penalty.cu computes, and where its g comes from.
#include "kernels/gradient_penalty.h"
#include "kernels/ladder/gradient_penalty/gradients.h"
#include "kernels/ladder/ladder.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace kantor::ladder {
namespace {

using gradient_penalty::column_tiles;
using gradient_penalty::inner;

/// One row: its gradients, and their scale, the sum of the absolute values of an element's terms.
struct Row {
  std::vector<double> g, scale;
  double norm = 0, norm_scale = 0;
};

Row row_of(const std::vector<std::vector<float>>& inputs, size_t r, size_t width) {
  Row row{std::vector<double>(width), std::vector<double>(width)};
  for (size_t k = 0; k < inner; ++k) {
    const auto delta = static_cast<double>(inputs[0][r * inner + k]);
    for (size_t i = 0; i < width; ++i) {
      const double term = delta * static_cast<double>(inputs[1][k * width + i]);
      row.g[i] += term;
      row.scale[i] += std::abs(term);
    }
  }
  double squares = 0, scales = 0;
  for (size_t i = 0; i < width; ++i) {
    squares += row.g[i] * row.g[i];
    scales += row.scale[i] * row.scale[i];
  }
  row.norm = std::sqrt(squares);
  row.norm_scale = std::sqrt(scales);
  return row;
}

/// Scales follow an error through the formulas: where g is off by e times its scale, n is by e times its own or less.
std::vector<Expected> reference(const Sizes& sizes, const std::vector<std::vector<float>>& inputs) {
  const auto rows = static_cast<size_t>(sizes[0]), width = static_cast<size_t>(sizes[1]);
  const double share = 10 / static_cast<double>(rows);
  std::vector<Expected> to(4);
  to[0] = {{0}, {0}};
  for (size_t r = 0; r < rows; ++r) {
    const Row row = row_of(inputs, r, width);
    const double n = row.norm;
    to[0].values[0] += share * (n - 1) * (n - 1);
    to[0].scale[0] += share * (n + 1) * (row.norm_scale + 1);
    for (size_t i = 0; i < width; ++i) {
      const double g = row.g[i];
      to[1].values.push_back(n == 0 ? 0 : share * 2 * (n - 1) / n * g);
      to[1].scale.push_back(n == 0 ? share
                                   : share * 2 * ((n + 1) / n * row.scale[i] + std::abs(g) * row.norm_scale / (n * n)));
    }
    to[2].values.push_back(n);
    to[2].scale.push_back(row.norm_scale);
    to[3].values.insert(to[3].values.end(), row.g.begin(), row.g.end());
    to[3].scale.insert(to[3].scale.end(), row.scale.begin(), row.scale.end());
  }
  return to;
}

/// g is written, and so is the derivative; nobody needs to read g again who has it on chip.
Cost cost(const Sizes& s) {
  const int64_t rows = s[0], width = s[1];
  return {4 * (rows * inner + inner * width + 2 * rows * width + rows + 1), (2 * inner + 3) * rows * width};
}

const bool entered = add_family(
    {.name = "gradient_penalty",
     .formula =
         "g = delta w, each row's norm n = |g_row|, the penalty 10/rows times the sum over rows of (n - 1)^2, and its "
         "derivative by g",
     .size_names = {"rows", "width"},
     .input_names = {"delta [rows, 8]", "w [8, width]"},
     .output_names = {"penalty", "derivative [rows, width], of the penalty by g", "norms [rows]", "g [rows, width]"},
     .test_sizes = {{1, 1}, {3, 7}, {65, 33}, {5, 1500}, {2, 20000}, {3, 10001}},
     .bench_sizes = {{256, 2}, {256, 784}, {256, 65536}, {16, 1048576}},
     .count_sizes = {{256, 784}, {16, 65536}},
     .inputs =
         [](const Sizes& s) {
           return Sizes{s[0] * inner, inner * s[1]};
         },
     .outputs =
         [](const Sizes& s) {
           return Sizes{1, s[0] * s[1], s[0], s[0] * s[1]};
         },
     .workspace =
         [](const Sizes& s) {
           return std::max(s[0] + s[0] * column_tiles(s[1]), gradient_penalty_workspace(s[0], s[1], 4));
         },
     .cost = cost,
     .reference = reference});

}  // namespace
}  // namespace kantor::ladder
