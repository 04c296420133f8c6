// The sum of all elements of an array, in an order that the size alone decides: what kernels/reduce.cu computes for
// one long row.
#include "kernels/ladder/ladder.h"
#include "kernels/reduce.h"

#include <algorithm>
#include <cmath>

namespace kantor::ladder {
namespace {

/// Sums of blocks of 256 elements, sums of 256 of these, and so on: the most that a version keeps.
int64_t partial_sums(int64_t n) {
  int64_t all = 0;
  while (n > 1) {
    n = (n + 255) / 256;
    all += n;
  }
  return all;
}

std::vector<Expected> reference(const Sizes& /*sizes*/, const std::vector<std::vector<float>>& inputs) {
  double sum = 0, absolute = 0;
  for (const float x : inputs[0]) {
    sum += static_cast<double>(x);
    absolute += std::abs(static_cast<double>(x));
  }
  return {{{sum}, {absolute}}};
}

const bool entered = add_family({.name = "sum",
                                 .formula = "y = the sum of the elements of x, added in double in a fixed order",
                                 .size_names = {"elements"},
                                 .input_names = {"x [elements]"},
                                 .output_names = {"y"},
                                 .test_sizes = {{1}, {31}, {257}, {513}, {5001}, {70003}},
                                 .bench_sizes = {{4096}, {1000000}, {100000000}},
                                 .count_sizes = {{70000}, {1000000}},
                                 .inputs = [](const Sizes& s) { return Sizes{s[0]}; },
                                 .outputs = [](const Sizes& /*s*/) { return Sizes{1}; },
                                 .workspace = [](const Sizes& s) { return std::max(partial_sums(s[0]), most_chunks); },
                                 .cost =
                                     [](const Sizes& s) {
                                       return Cost{4 * s[0] + 4, s[0]};
                                     },
                                 .reference = reference});

}  // namespace
}  // namespace kantor::ladder
