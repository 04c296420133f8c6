// GroupSort (Anil, Lucas and Grosse 2019). In groups of 2 (MaxMin) one op exchanges pairs by the order of a key:
// sorting is x by itself, and each derivative is the same exchange of the gradient. Larger groups are sorted once, and
// gradients follow where each element came from. Both keep a gradient's norm.
#include "kernels/group_sort.h"

#include "engine/apply.h"
#include "engine/cpu/parallel.h"
#include "engine/ops.h"
#include "engine/target.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <fmt/format.h>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace kantor {
namespace {

class MaxMin final : public FloatingOp<MaxMin> {
 public:
  [[nodiscard]] const char* name() const override { return "maxmin"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs);
    if (inputs[0].shape != inputs[1].shape) throw ShapeError("the values and their key differ in shape");
    if (inputs[0].shape.rank() < 1 || inputs[0].shape[-1] % 2 != 0) {
      throw ShapeError("pairs need an even extent of the last axis");
    }
    return {inputs[0]};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    const T *x = inputs[0].as<T>(), *key = inputs[1].as<T>();
    T* y = outputs[0].as<T>();
    cpu::for_ranges(outputs[0].size(), 2, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i += 2) {
        const bool exchanged = key[i] > key[i + 1];
        y[i] = exchanged ? x[i + 1] : x[i];
        y[i + 1] = exchanged ? x[i] : x[i + 1];
      }
    });
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    KANTOR_ON(target.backend,
              maxmin(inputs[0].as<T>(), inputs[1].as<T>(), outputs[0].as<T>(), outputs[0].size() / 2, target.stream));
  }
  /// The exchange is its own inverse and its own transpose; the key only selects, and has no derivative.
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    return {c.wanted[0] ? maxmin(c.grads[0], c.inputs[1]) : Tensor(), Tensor()};
  }
};

/// Throws ShapeError unless `group` divides the last axis.
void require_groups(const Shape& shape, int64_t group) {
  if (group < 1 || shape.rank() < 1 || shape[-1] % group != 0) {
    throw ShapeError(fmt::format("groups of {} need a last axis that they divide", group));
  }
}

/// Calls fn(begin, end) for ranges of elements that hold whole groups. `cost` is the work of an element.
template <class F>
void for_groups(int64_t size, int64_t group, double cost, const F& fn) {
  const int64_t groups = size / group, piece = std::max<int64_t>(cpu::piece_elements / group, 1);
  cpu::for_pieces((groups + piece - 1) / piece, cost * static_cast<double>(size),
                  [&](int64_t p) { fn(p * piece * group, std::min(groups, (p + 1) * piece) * group); });
}

/// Sorts one group after another: smaller first, NaN last, equal values in their order. An element becomes one integer
/// with this order: the bits of its value made monotone, then its index. Large groups are sorted by the bytes of
/// the value, four linear passes in float32: a third of the time of comparing them at 256 units.
template <class T>
class GroupSorter {
 public:
  explicit GroupSorter(int64_t group) : elements_(static_cast<size_t>(group)), spare_(elements_.size()) {}
  void operator()(const T* x, T* y, int64_t* origin) {
    for (size_t i = 0; i < elements_.size(); ++i) elements_[i] = element(x[i], i);
    if (elements_.size() >= worth_counting) {
      sort_by_bytes();
    } else {
      std::sort(elements_.begin(), elements_.end());
    }
    for (size_t i = 0; i < elements_.size(); ++i) {
      origin[i] = static_cast<int64_t>(static_cast<uint32_t>(elements_[i]));
      y[i] = x[origin[i]];
    }
  }

 private:
  static constexpr size_t worth_counting = sizeof(T) == sizeof(float) ? 64 : 256;  // four or eight passes
  static constexpr unsigned place_bits = 32;
  using Bits = std::conditional_t<sizeof(T) == sizeof(float), uint32_t, uint64_t>;
  __extension__ using Element = std::conditional_t<sizeof(T) == sizeof(float), uint64_t, unsigned __int128>;

  static Element element(T value, size_t place) {
    constexpr Bits sign = Bits{1} << (8 * sizeof(T) - 1);
    Bits bits = ~Bits{0};  // NaN
    if (!std::isnan(value)) {
      bits = std::bit_cast<Bits>(value + T{0});  // -0 to 0
      bits = (bits & sign) != 0 ? ~bits : bits | sign;
    }
    return (static_cast<Element>(bits) << place_bits) | place;
  }
  /// A stable counting sort by each byte of the values, the lowest first.
  void sort_by_bytes() {
    for (unsigned shift = place_bits; shift < 8 * sizeof(Element); shift += 8) {
      const auto byte = [&](Element e) { return static_cast<size_t>(e >> shift) & 0xff; };
      std::array<uint32_t, 256> next{};
      for (const Element e : elements_) ++next[byte(e)];
      uint32_t before = 0;
      for (uint32_t& n : next) before += std::exchange(n, before);
      for (const Element e : elements_) spare_[next[byte(e)]++] = e;
      elements_.swap(spare_);
    }
  }

  std::vector<Element> elements_, spare_;
};

/// Sorts `batch_groups` groups of `group` elements, in the order of GroupSorter, side by side in vector code: a network
/// of insertion sort, whose comparisons do not depend on the values. Neighbours are exchanged only if they are out of
/// order, so equal values keep theirs.
constexpr size_t batch_groups = 32;
template <class T, size_t group>
void sort_batch(const T* x, T* y, int64_t* origin) {
  using Place = std::conditional_t<sizeof(T) == sizeof(float), int32_t, int64_t>;  // as wide as the values
  T values[group][batch_groups];
  Place places[group][batch_groups];
  for (size_t g = 0; g < batch_groups; ++g) {
    for (size_t k = 0; k < group; ++k) {
      values[k][g] = x[g * group + k];
      places[k][g] = static_cast<Place>(k);
    }
  }
  for (size_t last = 1; last < group; ++last) {
    for (size_t k = last; k > 0; --k) {
      for (size_t g = 0; g < batch_groups; ++g) {
        const T a = values[k - 1][g], b = values[k][g];
        const Place of_a = places[k - 1][g], of_b = places[k][g];
        const bool exchanged = !(a <= b) && b == b;  // NaN is after every other value
        values[k - 1][g] = exchanged ? b : a;
        values[k][g] = exchanged ? a : b;
        places[k - 1][g] = exchanged ? of_b : of_a;
        places[k][g] = exchanged ? of_a : of_b;
      }
    }
  }
  for (size_t g = 0; g < batch_groups; ++g) {
    for (size_t k = 0; k < group; ++k) {
      y[g * group + k] = values[k][g];
      origin[g * group + k] = places[k][g];
    }
  }
}

/// sort_batch for a group size, or null for those that are sorted one by one.
template <class T>
auto batch_sorter(int64_t group) -> void (*)(const T*, T*, int64_t*) {
  switch (group) {
    case 2:
      return sort_batch<T, 2>;
    case 3:
      return sort_batch<T, 3>;
    case 4:
      return sort_batch<T, 4>;
    case 5:
      return sort_batch<T, 5>;
    case 6:
      return sort_batch<T, 6>;
    case 7:
      return sort_batch<T, 7>;
    case 8:
      return sort_batch<T, 8>;
    default:
      return nullptr;
  }
}

/// Outputs: x sorted in groups, and the place in its group that each element had. Only the values have a derivative.
class SortGroups final : public FloatingOp<SortGroups> {
 public:
  explicit SortGroups(int64_t group) : group_(group) {}
  [[nodiscard]] const char* name() const override { return "sort_groups"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs);
    require_groups(inputs[0].shape, group_);
    return {inputs[0], {inputs[0].shape, DType::int64}};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    const T* x = inputs[0].as<T>();
    T* y = outputs[0].as<T>();
    auto* origin = outputs[1].as<int64_t>();
    for_groups(outputs[0].size(), group_, 8.0, [&](int64_t begin, int64_t end) {
      int64_t first = begin;
      const auto sort_whole_batch = batch_sorter<T>(group_);
      const int64_t batch = group_ * static_cast<int64_t>(batch_groups);
      for (; sort_whole_batch != nullptr && end - first >= batch; first += batch) {
        sort_whole_batch(x + first, y + first, origin + first);
      }
      GroupSorter<T> sorter(group_);
      for (; first < end; first += group_) sorter(x + first, y + first, origin + first);
    });
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    KANTOR_ON(target.backend, sort_groups(inputs[0].as<T>(), outputs[0].as<T>(), outputs[1].as<int64_t>(),
                                          outputs[0].size(), group_, target.stream));
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    if (!c.wanted[0] || !c.grads[0].defined()) return {Tensor()};
    return {permute_groups(c.grads[0], c.outputs[1], group_, true)};
  }

 private:
  int64_t group_;
};

class PermuteGroups final : public FloatingOp<PermuteGroups> {
 public:
  PermuteGroups(int64_t group, bool back) : group_(group), back_(back) {}
  [[nodiscard]] const char* name() const override { return "permute_groups"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs.first(1));
    if (inputs[1].dtype != DType::int64) throw DTypeError("the places are not int64");
    if (inputs[0].shape != inputs[1].shape) throw ShapeError("the values and their places differ in shape");
    require_groups(inputs[0].shape, group_);
    return {inputs[0]};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    const T* x = inputs[0].as<T>();
    const auto* origin = inputs[1].as<int64_t>();
    T* y = outputs[0].as<T>();
    for_groups(outputs[0].size(), group_, 2.0, [&](int64_t begin, int64_t end) {
      for (int64_t first = begin; first < end; first += group_) {
        for (int64_t i = first; i < first + group_; ++i) {
          if (back_) {
            y[first + origin[i]] = x[i];
          } else {
            y[i] = x[first + origin[i]];
          }
        }
      }
    });
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    KANTOR_ON(target.backend, permute_groups(inputs[0].as<T>(), inputs[1].as<int64_t>(), outputs[0].as<T>(),
                                             outputs[0].size(), group_, back_, target.stream));
  }
  /// The inverse of a permutation is its transpose.
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    return {c.wanted[0] ? permute_groups(c.grads[0], c.inputs[1], group_, !back_) : Tensor(), Tensor()};
  }

 private:
  int64_t group_;
  bool back_;
};

}  // namespace

Tensor maxmin(const Tensor& x, const Tensor& key) {
  return apply1(std::make_shared<const MaxMin>(), {x, key});
}

SortedGroups sort_groups(const Tensor& x, int64_t group) {
  const std::vector<Tensor> outputs = apply(std::make_shared<const SortGroups>(group), {x});
  return {outputs[0], outputs[1]};
}

Tensor permute_groups(const Tensor& x, const Tensor& origin, int64_t group, bool back) {
  return apply1(std::make_shared<const PermuteGroups>(group, back), {x, origin});
}

Tensor group_sort(const Tensor& x, int64_t group) {
  return group == 2 ? maxmin(x, x) : sort_groups(x, group).values;
}

}  // namespace kantor
