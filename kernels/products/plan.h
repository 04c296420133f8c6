// Chooses how the tile engine makes a product: the tiling, and how k is split, by a model of its time (see paces.h).
// Plain C++.
#pragma once

#include "kernels/conv2d_few_channels.h"
#include "kernels/products/paces.h"
#include "kernels/products/products.h"
#include "kernels/products/tiling.h"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace kantor {

/// A product as the plan sees it. m, n and k are those of the largest of `parts` products, `out` the numbers of the
/// whole result.
struct ProductSize {
  int64_t m, n, k, parts, out;
  int vector_left, vector_right;
  bool single_right = false;
};

inline const Pace& pace_of(Arithmetic arithmetic, int tiling) {
  return arithmetic == Arithmetic::float32      ? float32_paces[tiling]
         : arithmetic == Arithmetic::three_tf32 ? three_tf32_paces[tiling]
                                                : tf32_paces[tiling];
}

inline int64_t pieces(int64_t all, int64_t of) {
  return (all + of - 1) / of;
}

/// What a further kernel costs in a step's graph, in microseconds: measured on an H100. Repeated runs of one product,
/// of which the paces come, hide most of it; so near ties go to the plan of one launch.
inline constexpr double dependent_launch = 0.92;

/// The model's microseconds for a plan.
inline double predicted_time(const ProductSize& p, const ProductPlan& plan, int multiprocessors) {
  const Tiling tiling = tiling_of(plan.arithmetic, plan.tiling);
  const Pace& pace = pace_of(plan.arithmetic, plan.tiling);
  const int64_t tiles = pieces(p.m, tiling.rows) * pieces(p.n, tiling.columns) * p.parts;
  const int64_t stages = pieces(pieces(p.k, tiling.depth), plan.splits);
  const double stage = double(tiling.rows) * tiling.columns * tiling.depth / pace.rate;
  const auto wave = [&](double blocks) { return pace.start + double(stages) * std::max(pace.latency, blocks * stage); };
  const int64_t whole = int64_t(multiprocessors) * tiling.blocks, rest = tiles * plan.splits % whole;
  double time = double(tiles * plan.splits / whole) * wave(tiling.blocks);
  if (rest > 0) time += wave(double(pieces(rest, multiprocessors)));
  if (plan.splits == 1) return time;
  if (plan.second_launch) {
    return time + dependent_launch + add_start + 4.0 * double(p.out) * (2 * plan.splits + 1) / add_rate;
  }
  return time + collect_start +
         double(plan.splits) * tiling.rows * tiling.columns / collect_rate * double(pieces(tiles, multiprocessors));
}

/// Calls visit(plan) for every plan of this arithmetic that is compiled and makes sense.
template <class Visit>
void each_plan(const ProductSize& p, Arithmetic arithmetic, const Visit& visit) {
  constexpr int64_t least_stages = 4;  // of a split
  constexpr int splits[] = {1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256};
  constexpr int most_collected = 16;
  for (int number = 0; number < tilings_of(arithmetic); ++number) {
    if (!is_compiled(arithmetic, number, p.vector_left, p.vector_right, p.single_right)) continue;
    const Tiling tiling = tiling_of(arithmetic, number);
    const int64_t tiles = pieces(p.m, tiling.rows) * pieces(p.n, tiling.columns) * p.parts;
    const auto plan = [&](int count, bool second) {
      const int64_t floats = count == 1 ? 0 : count * (second ? p.out : tiles * tiling.rows * tiling.columns);
      visit(ProductPlan{arithmetic, number, count, second, p.vector_left, p.vector_right, floats,
                        count == 1 || second ? 0 : tiles});
    };
    for (const int count : splits) {
      if (count > 1 && pieces(p.k, tiling.depth) < least_stages * count) break;
      if (count == 1 || (count <= most_collected && tiles <= most_counters)) plan(count, false);
      if (count > 1) plan(count, true);
    }
  }
}

/// Whether the plan's kernel is one of warpgroups, which not every GPU with tensor cores runs.
inline bool by_warpgroups(const ProductPlan& plan) {
  return tiling_of(plan.arithmetic, plan.tiling).warpgroups;
}

/// Calls visit(plan) for every plan that may be chosen. Tensor cores are left where copies of four floats are not
/// possible. Three products compete with float32, and are not taken where k is short: the product of the low parts,
/// which they omit, would show. Those of warpgroups (where `warpgroups` are there) are taken for large products:
/// a prototype's were no faster than the others for 1024 x 1024 x 1024.
template <class Visit>
void each_candidate(const ProductSize& p, Arithmetic arithmetic, bool warpgroups, const Visit& visit) {
  constexpr int64_t least_k_of_three = 128, least_k_of_warpgroups = 256, least_of_warpgroups = int64_t(1) << 31;
  const bool aligned = p.vector_left == 4 && p.vector_right == 4, three = arithmetic == Arithmetic::three_tf32;
  if (aligned && (!three || p.k >= least_k_of_three)) {
    each_plan(p, arithmetic, [&](const ProductPlan& plan) {
      const Tiling tiling = tiling_of(plan.arithmetic, plan.tiling);
      const bool large = p.m >= tiling.rows && p.n >= tiling.columns && p.k >= least_k_of_warpgroups &&
                         p.m * p.n * p.k * p.parts >= least_of_warpgroups;
      if (!tiling.warpgroups || (warpgroups && large)) visit(plan);
    });
  }
  if (!aligned || three) each_plan(p, Arithmetic::float32, visit);
}

/// The candidate with the least predicted time.
inline ProductPlan plan_product(const ProductSize& p, Arithmetic arithmetic, int multiprocessors, bool warpgroups) {
  ProductPlan best;
  double least = 0;
  each_candidate(p, arithmetic, warpgroups, [&](const ProductPlan& plan) {
    const double time = predicted_time(p, plan, multiprocessors);
    if (least > 0 && time >= least) return;
    least = time;
    best = plan;
  });
  return best;
}

/// Whether the tile engine's 32-bit indices reach all of these numbers of elements.
inline bool countable(std::initializer_list<int64_t> sizes) {
  return std::all_of(sizes.begin(), sizes.end(), [](int64_t size) { return size < (int64_t(1) << 31) - (1 << 20); });
}
inline bool by_four(const float* data, int64_t neighbours) {
  return reinterpret_cast<uintptr_t>(data) % 16 == 0 && neighbours % 4 == 0;
}
inline ProductSize both_or_none(ProductSize p) {
  const bool keep = p.vector_left == 4 && (p.vector_right == 4 || p.single_right);
  if (!keep) p.vector_left = p.vector_right = 1;
  return p;
}

/// The size of a matrix product, or nothing where the tile engine does not make it: two transposed matrices, or arrays
/// of 2^31 elements.
inline std::optional<ProductSize> size_of(const GemmCall& c) {
  if ((c.transpose_a && c.transpose_b) || !countable({c.m * c.k, c.k * c.n, c.m * c.n})) return std::nullopt;
  return both_or_none({c.m, c.n, c.k, 1, c.m * c.n, by_four(c.a, c.transpose_a ? c.m : c.k) ? 4 : 1,
                       by_four(c.b, c.transpose_b ? c.k : c.n) ? 4 : 1});
}

/// Nothing where a window has more taps than a row of Taps has bits, for the kernels of few channels, and for arrays of
/// 2^31 elements.
inline std::optional<ProductSize> size_of(const ConvCall& call) {
  constexpr int64_t most_taps = 31, most_parts = 64;
  const ConvShape& c = call.shape;
  const int64_t images = c.batch * c.height * c.width * c.channels;
  if (c.kernel_height * c.kernel_width > most_taps || c.stride * c.stride > most_parts) return std::nullopt;
  if (!countable({images, c.pixels() * c.filters, c.filters * c.window(), c.height + 2 * c.padding + c.stride,
                  c.width + 2 * c.padding + c.stride})) {
    return std::nullopt;
  }
  const int image = by_four(call.image, c.channels) ? 4 : 1, filter = by_four(call.filter, c.channels) ? 4 : 1;
  const int output = by_four(call.output, c.filters) ? 4 : 1;
  const auto steps = [&](int64_t extent) { return pieces(extent, c.stride); };
  switch (call.pass) {
    case ConvPass::forward:
      if (few_channels(c, sizeof(float))) return std::nullopt;
      return both_or_none({c.pixels(), c.filters, c.window(), 1, c.pixels() * c.filters, image, filter});
    case ConvPass::input_grad:
      if (few_channels(c, sizeof(float))) return std::nullopt;
      return both_or_none({c.batch * steps(c.height) * steps(c.width), c.channels,
                           steps(c.kernel_height) * steps(c.kernel_width) * c.filters, c.stride * c.stride, images,
                           output, filter});
    case ConvPass::weight_grad:
      return both_or_none({c.filters, c.window(), c.pixels(), 1, c.filters * c.window(), output, image, true});
  }
  return std::nullopt;
}

}  // namespace kantor
