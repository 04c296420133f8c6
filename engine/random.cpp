#include "engine/random.h"

#include "engine/apply.h"
#include "engine/cpu/box_muller.h"
#include "engine/cpu/parallel.h"
#include "engine/target.h"
#include "kernels/philox.h"

#include <algorithm>
#include <fmt/format.h>
#include <type_traits>

namespace kantor {
namespace {

// Independent of kernels/philox.h, so that tests can compare the two.
constexpr uint32_t multiplier_0 = 0xD2511F53, multiplier_1 = 0xCD9E8D57;
constexpr uint32_t weyl_0 = 0x9E3779B9, weyl_1 = 0xBB67AE85;

using Words4 = std::array<uint32_t, 4>;

/// The ten rounds of one block; in a loop over blocks they become vector code.
inline Words4 rounds(Words4 c, uint64_t key) {
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

/// The block of four words that holds element 4 * block, ..., 4 * block + 3 of a draw.
inline Words4 draw_block(uint64_t seed, uint64_t block, uint32_t stream, uint64_t step) {
  const auto low = static_cast<uint32_t>(block);
  // The step takes 48 bits, the block 48: enough for 10^14 elements of 10^14 steps.
  const auto mixed = static_cast<uint32_t>((block >> 32 & 0xFFFF) << 16 | (step >> 32 & 0xFFFF));
  return rounds({low, stream, static_cast<uint32_t>(step), mixed}, seed);
}

/// Words of blocks side by side: words[k][i] is word k of block i of them.
constexpr size_t batch = cpu::normal_batch;
using BatchWords = std::array<std::array<uint32_t, batch>, 4>;

BatchWords draw_blocks(uint64_t seed, uint64_t first_block, uint32_t stream, uint64_t step) {
  BatchWords words;
  for (size_t i = 0; i < batch; ++i) {
    const Words4 block = draw_block(seed, first_block + i, stream, step);
    for (size_t k = 0; k < 4; ++k) words[k][i] = block[k];
  }
  return words;
}

/// A draw inside a step. `Words` turns a batch's words into its elements.
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
    const auto fill = [&](auto* out) {
      using Element = std::remove_pointer_t<decltype(out)>;
      cpu::for_ranges(skipped + size, Words::cost, [&](int64_t begin, int64_t end) {  // counted from the block's start
        std::array<Element, 4 * batch> values;
        for (int64_t i = begin; i < end; i += 4 * batch) {
          const int64_t from = std::max(i, skipped), to = std::min<int64_t>(i + 4 * batch, end);
          words_(draw_blocks(seed_, static_cast<uint64_t>(block + i / 4), stream_, step), values);
          std::copy(values.data() + (from - i), values.data() + (to - i), out + (from - skipped));
        }
      });
    };
    if constexpr (Words::floating) {
      visit_floating(outputs[0].dtype, [&](auto zero) { fill(outputs[0].as<decltype(zero)>()); });
    } else {
      fill(outputs[0].as<int64_t>());
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
  static constexpr double cost = 2;
  template <class T>
  void operator()(const BatchWords& words, std::array<T, 4 * batch>& out) const {
    for (size_t i = 0; i < batch; ++i) {
      for (size_t k = 0; k < 4; ++k) out[4 * i + k] = static_cast<T>(uniform_from_bits(words[k][i]));
    }
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
  static constexpr double cost = 8;
  void operator()(const BatchWords& words, std::array<float, 4 * batch>& out) const {
    for (size_t k = 0; k < 4; k += 2) cpu::normal_pairs(words[k].data(), words[k + 1].data(), out.data() + k);
  }
  void operator()(const BatchWords& words, std::array<double, 4 * batch>& out) const {
    for (size_t i = 0; i < batch; ++i) {
      for (size_t k = 0; k < 4; k += 2) {
        const auto [first, second] = cpu::normal_pair(words[k][i], words[k + 1][i]);
        out[4 * i + k] = first;
        out[4 * i + k + 1] = second;
      }
    }
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
  static constexpr double cost = 2;
  uint64_t n;
  void operator()(const BatchWords& words, std::array<int64_t, 4 * batch>& out) const {
    for (size_t i = 0; i < batch; ++i) {
      for (size_t k = 0; k < 4; ++k) out[4 * i + k] = static_cast<int64_t>(words[k][i] * n >> 32);
    }
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

std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, uint64_t key) {
  return rounds(counter, key);
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
  return cpu::normal_pair(a, bits()).first;
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
