#include "engine/random.h"

#include "engine/apply.h"
#include "engine/cpu/parallel.h"
#include "engine/target.h"
#include "kernels/philox.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numbers>
#include <type_traits>

namespace kantor {
namespace {

// Independent of kernels/philox.h, so that tests can compare the two.
constexpr uint32_t multiplier_0 = 0xD2511F53, multiplier_1 = 0xCD9E8D57;
constexpr uint32_t weyl_0 = 0x9E3779B9, weyl_1 = 0xBB67AE85;

/// The block of four words that holds element 4 * block, ..., 4 * block + 3 of a draw.
std::array<uint32_t, 4> draw_block(uint64_t seed, uint64_t block, uint32_t stream, uint64_t step) {
  const auto low = static_cast<uint32_t>(block);
  // The step takes 48 bits, the block 48: enough for 10^14 elements of 10^14 steps.
  const auto mixed = static_cast<uint32_t>((block >> 32 & 0xFFFF) << 16 | (step >> 32 & 0xFFFF));
  return philox4x32({low, stream, static_cast<uint32_t>(step), mixed}, seed);
}

/// Two standard normals of two words (Box and Muller 1958); the first uniform is taken in (0, 1].
std::array<double, 2> normal_pair(uint32_t a, uint32_t b) {
  const double radius = std::sqrt(-2 * std::log(1.0 - static_cast<double>(uniform_from_bits(a))));
  const double angle = 2 * std::numbers::pi * static_cast<double>(uniform_from_bits(b));
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

/// A draw inside a step. `Words` turns the four words of a block into four elements.
template <class Words>
class DrawOp final : public OpOf<DrawOp<Words>> {
 public:
  DrawOp(TensorSpec spec, const Draw& draw, Words words)
      : spec_(std::move(spec)), seed_(draw.seed), stream_(draw.stream), first_(draw.first), words_(words) {
    if (first_ < 0) throw ShapeError(fmt::format("a draw from element {}: elements count from 0", first_));
  }
  [[nodiscard]] const char* name() const override { return Words::name; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    if (is_floating(spec_.dtype) != Words::floating) {
      throw DTypeError("uniform and normal draw float32 or float64; for integers take random_below");
    }
    if (inputs[0].dtype != DType::int64 || inputs[0].shape.size() != 1) {
      throw DTypeError("the step must be one int64");
    }
    return {spec_};
  }
  void cpu(Inputs inputs, Outputs outputs) const override {
    const auto step = static_cast<uint64_t>(*inputs[0].as<int64_t>());
    const int64_t size = outputs[0].size(), skipped = first_ % 4, block = first_ / 4;
    using Element = std::conditional_t<Words::floating, double, int64_t>;
    const auto fill = [&](auto* out) {
      cpu::for_ranges(skipped + size, Words::cost, [&](int64_t begin, int64_t end) {  // counted from the block's start
        for (int64_t i = begin; i < end; i += 4) {
          const auto words = draw_block(seed_, static_cast<uint64_t>(block + i / 4), stream_, step);
          std::array<Element, 4> values{};
          words_(words, values.data());
          for (int64_t k = std::max<int64_t>(0, skipped - i); k < std::min<int64_t>(4, end - i); ++k) {
            out[i + k - skipped] = static_cast<std::remove_pointer_t<decltype(out)>>(values[static_cast<size_t>(k)]);
          }
        }
      });
    };
    switch (outputs[0].dtype) {
      case DType::float32:
        return fill(outputs[0].as<float>());
      case DType::float64:
        return fill(outputs[0].as<double>());
      case DType::int64:
        return fill(outputs[0].as<int64_t>());
    }
  }
  void device(const Target& target, Inputs inputs, Outputs outputs) const override {
    words_.launch(target, {seed_, stream_, inputs[0].as<int64_t>(), first_}, outputs[0]);
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext&) const override { return {Tensor()}; }

 private:
  TensorSpec spec_;
  uint64_t seed_;
  uint32_t stream_;
  int64_t first_;
  Words words_;
};

struct UniformWords {
  static constexpr const char* name = "uniform";
  static constexpr bool floating = true;
  static constexpr double cost = 10;
  void operator()(const std::array<uint32_t, 4>& words, double* out) const {
    for (size_t k = 0; k < 4; ++k) out[k] = static_cast<double>(uniform_from_bits(words[k]));
  }
  static void launch(const Target& target, DrawKey key, const View& out) {
    visit_floating(out.dtype, [&](auto zero) {
      KANTOR_ON(target.backend, draw_uniform(key, out.as<decltype(zero)>(), out.size(), target.stream));
    });
  }
};

struct NormalWords {
  static constexpr const char* name = "normal";
  static constexpr bool floating = true;
  static constexpr double cost = 50;
  void operator()(const std::array<uint32_t, 4>& words, double* out) const {
    const auto first = normal_pair(words[0], words[1]), second = normal_pair(words[2], words[3]);
    std::copy(first.begin(), first.end(), out);
    std::copy(second.begin(), second.end(), out + 2);
  }
  static void launch(const Target& target, DrawKey key, const View& out) {
    visit_floating(out.dtype, [&](auto zero) {
      KANTOR_ON(target.backend, draw_normal(key, out.as<decltype(zero)>(), out.size(), target.stream));
    });
  }
};

struct BelowWords {
  static constexpr const char* name = "random_below";
  static constexpr bool floating = false;
  static constexpr double cost = 10;
  uint64_t n;
  void operator()(const std::array<uint32_t, 4>& words, int64_t* out) const {
    for (size_t k = 0; k < 4; ++k) out[k] = static_cast<int64_t>(words[k] * n >> 32);
  }
  void launch(const Target& target, DrawKey key, const View& out) const {
    KANTOR_ON(target.backend, draw_below(key, n, out.as<int64_t>(), out.size(), target.stream));
  }
};

template <class Words>
Tensor apply_draw(Words words, const Shape& shape, DType dtype, const Draw& draw) {
  return apply1(std::make_shared<const DrawOp<Words>>(TensorSpec{shape, dtype}, draw, words), {draw.step});
}

}  // namespace

std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> c, uint64_t key) {
  auto k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{multiplier_0} * c[0], p1 = uint64_t{multiplier_1} * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<uint32_t>(p0)};
    k0 += weyl_0;
    k1 += weyl_1;
  }
  return c;
}

float uniform_at(uint64_t seed, uint32_t stream, uint64_t step, uint64_t element) {
  return uniform_from_bits(draw_block(seed, element / 4, stream, step)[element % 4]);
}

HostRandom::HostRandom(uint64_t seed, uint32_t stream, uint64_t step) : key_(seed), step_(step), stream_(stream) {}

uint32_t HostRandom::bits() {
  if (used_ == 4) {
    words_ = draw_block(key_, block_++, stream_, step_);
    used_ = 0;
  }
  return words_[static_cast<size_t>(used_++)];
}

double HostRandom::uniform() {
  return static_cast<double>(uniform_from_bits(bits()));
}

double HostRandom::normal() {
  const uint32_t a = bits();
  return normal_pair(a, bits())[0];
}

int64_t HostRandom::below(int64_t n) {
  if (n < 1 || n > int64_t{1} << 31) throw ShapeError("a random number below " + std::to_string(n) + ": 1 to 2^31");
  return static_cast<int64_t>(uint64_t{bits()} * static_cast<uint64_t>(n) >> 32);
}

Tensor uniform(const Shape& shape, const Draw& draw, DType dtype) {
  return apply_draw(UniformWords{}, shape, dtype, draw);
}

Tensor normal(const Shape& shape, const Draw& draw, DType dtype) {
  return apply_draw(NormalWords{}, shape, dtype, draw);
}

Tensor random_below(const Shape& shape, int64_t n, const Draw& draw) {
  if (n < 1 || n > int64_t{1} << 31) throw ShapeError(fmt::format("random_below {}: 1 to 2^31 is possible", n));
  return apply_draw(BelowWords{static_cast<uint64_t>(n)}, shape, DType::int64, draw);
}

}  // namespace kantor
