// Adam with clipping, in place, over the tensors of an arena, and statistics of the clipped weights: what
// kernels/clip_update.cu computes.
#include "kernels/ladder/clip_update/layout.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace kantor::ladder {
namespace {

using namespace clip_update;

/// One weight after its update, with the scale of its error.
struct Updated {
  double w, before_clip, first, second, w_scale, first_scale;
};

Updated update(double w, double g, double first, double second, double bound) {
  const double kept = settings.beta1 * first, added = (1 - settings.beta1) * g;
  Updated to{};
  to.first = kept + added;
  to.first_scale = std::abs(kept) + std::abs(added);
  to.second = settings.beta2 * second + (1 - settings.beta2) * g * g;
  const double rate = first_update.learning_rate / (1 - first_update.beta1_power);
  const double root = std::sqrt(to.second / (1 - first_update.beta2_power)) + settings.epsilon;
  to.before_clip = w - rate * to.first / root;
  to.w_scale = std::abs(w) + rate * to.first_scale / root;
  to.w = std::clamp(to.before_clip, -bound, bound);
  return to;
}

/// The statistics of one tensor. A weight within a rounding of the bound, or of the edge of two bins, may be counted on
/// either side of it: a count may be off by the number of such weights, and by nothing where there are none.
class Statistics {
 public:
  explicit Statistics(double bound) : bound_(bound) { scale_[1] = scale_[2] = 0; }

  void count(const Updated& weight) {
    const double a = std::abs(weight.w), rounding = 1e-6 * weight.w_scale;
    if (std::abs(weight.before_clip) >= bound_) ++value_[0];
    if (std::abs(std::abs(weight.before_clip) - bound_) <= rounding) ++doubtful_[0];
    value_[1] = std::max(value_[1], a);
    scale_[1] = std::max(scale_[1], weight.w_scale);
    value_[2] += a * a;
    scale_[2] += a * std::max(a, weight.w_scale);

    const double per_bin = update_bins / (2 * bound_), place = (weight.w + bound_) * per_bin;
    ++value_[3 + static_cast<size_t>(std::clamp(place, 0.0, update_bins - 1.0))];
    const double edge = std::round(place);
    if (edge < 1 || edge > update_bins - 1 || std::abs(place - edge) > rounding * per_bin + 4e-6) return;
    ++doubtful_[2 + static_cast<size_t>(edge)];
    ++doubtful_[3 + static_cast<size_t>(edge)];
  }

  void append_to(Expected& all) const {
    for (size_t k = 0; k < columns; ++k) {
      all.values.push_back(value_[k]);
      all.scale.push_back(k == 1 || k == 2 ? scale_[k] : 1 + 2e5 * doubtful_[k]);
    }
  }

 private:
  double bound_;
  double value_[columns] = {}, scale_[columns] = {}, doubtful_[columns] = {};
};

std::vector<Expected> reference(const Sizes& sizes, const std::vector<std::vector<float>>& inputs) {
  const Layout layout(sizes);
  std::vector<Expected> to(4);
  for (size_t k = 0; k < 3; ++k) {  // gaps between tensors stay as they are
    const std::vector<float>& before = inputs[k == 0 ? 0 : k + 1];
    to[k].values.assign(before.begin(), before.end());
    to[k].scale.assign(before.size(), 1e-30);
  }
  for (int64_t t = 0; t < layout.tensors; ++t) {
    Statistics statistics(bound_of(t));
    for (int64_t i = 0; i < layout.elements; ++i) {
      const auto at = static_cast<size_t>(t * layout.apart() + i);
      const auto input = [&](size_t k) { return static_cast<double>(inputs[k][at]); };
      const Updated weight = update(input(0), input(1), input(2), input(3), bound_of(t));
      statistics.count(weight);
      to[0].values[at] = weight.w;
      to[0].scale[at] += weight.w_scale;
      to[1].values[at] = weight.first;
      to[1].scale[at] += weight.first_scale;
      to[2].values[at] = weight.second;
      to[2].scale[at] += weight.second;
    }
    statistics.append_to(to[3]);
  }
  return to;
}

/// Weights of which some are clipped, small means of gradients, and means of squares, which are not negative.
void adjust(size_t input, std::vector<float>& values) {
  for (float& value : values) {
    if (input == 0) value *= 0.06F;
    if (input == 2) value *= 0.1F;
    if (input == 3) value = 0.01F * std::abs(value);
  }
}

std::vector<std::byte> tables(const Sizes& sizes) {
  const Layout layout(sizes);
  std::vector<std::byte> bytes(layout.table_bytes());
  auto* at = bytes.data();
  const auto append = [&](const auto& value) {
    std::memcpy(at, &value, sizeof value);
    at += sizeof value;
  };
  for (int64_t t = 0; t < layout.tensors; ++t) {
    for (int64_t begin = 0; begin < layout.elements; begin += layout.piece()) {
      append(UpdatePiece{t, t * layout.apart() + begin, std::min(layout.piece(), layout.elements - begin)});
    }
  }
  for (int64_t t = 0; t < layout.tensors; ++t) append(bound_of(t));
  append(first_update.learning_rate);
  append(int64_t{1});
  return bytes;
}

const bool entered = add_family(
    {.name = "clip_update",
     .formula =
         "Adam's update of w from g and of its means m and v, w clipped to [-bound, bound], and of each tensor the "
         "weights at the bound, the largest |w|, the sum of squares and a histogram; all in place",
     .size_names = {"tensors", "elements"},
     .input_names = {"weights before [tensors, elements]", "g [tensors, elements], the gradients",
                     "m before [tensors, elements]", "v before [tensors, elements]"},
     .output_names = {"w [tensors, elements], updated in place", "m [tensors, elements], in place",
                      "v [tensors, elements], in place", "statistics [tensors, columns]"},
     .test_sizes = {{1, 1}, {3, 7}, {2, 1024}, {3, 180001}, {3, 5001}},
     .bench_sizes = {{1, 10000}, {64, 15625}, {1, 1000000}, {1, 100000000}},
     .count_sizes = {{4, 10000}},
     .inputs =
         [](const Sizes& s) {
           const int64_t arena = Layout(s).arena();
           return Sizes{arena, arena, arena, arena};
         },
     .outputs =
         [](const Sizes& s) {
           const int64_t arena = Layout(s).arena();
           return Sizes{arena, arena, arena, s[0] * columns};
         },
     .workspace = [](const Sizes& s) { return Layout(s).workspace(); },
     .cost = [](const Sizes& s) { return clip_update_cost(true, update_rule::Adam::states, s[0] * s[1], 4); },
     .reference = reference,
     .adjust = adjust,
     .start_as = {0, 2, 3, -1},
     .tables = tables});

}  // namespace
}  // namespace kantor::ladder
