// Convolution against the sum that defines it, for the three partials of the one trilinear form.
#include "engine/error.h"
#include "engine/ops.h"
#include "engine/threads.h"
#include "tests/catch.h"
#include "tests/gradcheck.h"

#include <cmath>
#include <cstring>

using namespace kantor;
using kantor::testing::random_tensor;

namespace {

constexpr Device host{}, simulator{Device::Kind::sim, 0};

struct Sizes {
  int64_t batch, height, width, channels, filters, kernel_height, kernel_width;
  ConvParams window;

  [[nodiscard]] int64_t out_height() const { return (height + 2 * window.padding - kernel_height) / window.stride + 1; }
  [[nodiscard]] int64_t out_width() const { return (width + 2 * window.padding - kernel_width) / window.stride + 1; }
  [[nodiscard]] Shape x() const { return {batch, height, width, channels}; }
  [[nodiscard]] Shape filter() const { return {filters, kernel_height, kernel_width, channels}; }
  [[nodiscard]] Shape y() const { return {batch, out_height(), out_width(), filters}; }
  [[nodiscard]] std::string text() const {
    return to_string(x()) + " by " + to_string(filter()) + ", stride " + std::to_string(window.stride) + ", padding " +
           std::to_string(window.padding);
  }
};

/// Calls term(index in x, index in the filter, index in y) for every product of the trilinear form.
template <class F>
void for_every_term(const Sizes& s, const F& term) {
  for (int64_t b = 0; b < s.batch; ++b)
    for (int64_t oy = 0; oy < s.out_height(); ++oy)
      for (int64_t ox = 0; ox < s.out_width(); ++ox)
        for (int64_t o = 0; o < s.filters; ++o)
          for (int64_t ky = 0; ky < s.kernel_height; ++ky)
            for (int64_t kx = 0; kx < s.kernel_width; ++kx) {
              const int64_t iy = oy * s.window.stride + ky - s.window.padding;
              const int64_t ix = ox * s.window.stride + kx - s.window.padding;
              if (iy < 0 || iy >= s.height || ix < 0 || ix >= s.width) continue;
              for (int64_t c = 0; c < s.channels; ++c) {
                term(static_cast<size_t>(((b * s.height + iy) * s.width + ix) * s.channels + c),
                     static_cast<size_t>(((o * s.kernel_height + ky) * s.kernel_width + kx) * s.channels + c),
                     static_cast<size_t>(((b * s.out_height() + oy) * s.out_width() + ox) * s.filters + o));
              }
            }
}

struct Operands {
  Tensor x, filter, g;
};

Operands operands(const Sizes& s, HostRandom& random, DType dtype) {
  return {random_tensor(s.x(), random).to(dtype), random_tensor(s.filter(), random).to(dtype),
          random_tensor(s.y(), random).to(dtype)};
}

std::vector<Tensor> partials(const Sizes& s, const Operands& in) {
  return {conv2d(in.x, in.filter, s.window), conv2d_input_grad(in.g, in.filter, s.window, s.height, s.width),
          conv2d_weight_grad(in.x, in.g, s.window, s.kernel_height, s.kernel_width)};
}

/// Largest error over the sum of the absolute terms of its element.
double worst_error(const Tensor& found, const std::vector<double>& expected, const std::vector<double>& scale) {
  const auto values = found.to_vector<double>();
  double worst = values.size() == expected.size() ? 0 : INFINITY;
  for (size_t i = 0; i < values.size() && i < expected.size(); ++i) {
    const double error = std::abs(values[i] - expected[i]);
    if (error > 0) worst = std::max(worst, error / scale[i]);
    if (std::isnan(error)) worst = INFINITY;
  }
  return worst;
}

/// The same numbers in memory that begins one element later, not at a multiple of 16 bytes.
Tensor shifted(const Tensor& x) {
  const Tensor longer = concat({zeros({1}, {x.dtype(), x.device()}), reshape(x, {x.size()})});
  return reshape(slice(longer, 0, 1, 1 + x.size()), x.shape());
}

void check_against_definition(const Sizes& s, HostRandom& random, Device device = host, bool shift = false) {
  INFO(s.text() << " on " << to_string(device) << (shift ? ", shifted" : ""));
  for (const DType dtype : {DType::float64, DType::float32}) {
    const Operands in = operands(s, random, dtype);
    const auto x = in.x.to_vector<double>(), f = in.filter.to_vector<double>(), g = in.g.to_vector<double>();
    std::vector<double> y(g.size()), gx(x.size()), gf(f.size()), abs_y(g.size()), abs_x(x.size()), abs_f(f.size());
    for_every_term(s, [&](size_t i, size_t j, size_t k) {
      y[k] += x[i] * f[j];
      gx[i] += g[k] * f[j];
      gf[j] += g[k] * x[i];
      abs_y[k] += std::abs(x[i] * f[j]);
      abs_x[i] += std::abs(g[k] * f[j]);
      abs_f[j] += std::abs(g[k] * x[i]);
    });
    const double tolerance = dtype == DType::float64 ? 1e-14 : 1e-6;
    const auto place = [&](const Tensor& t) { return shift ? shifted(t.to(device)) : t.to(device); };
    const auto found = partials(s, {place(in.x), place(in.filter), place(in.g)});
    CHECK(found[0].shape() == s.y());
    CHECK(worst_error(found[0], y, abs_y) <= tolerance);
    CHECK(worst_error(found[1], gx, abs_x) <= tolerance);
    CHECK(worst_error(found[2], gf, abs_f) <= tolerance);
  }
}

}  // namespace

TEST_CASE("conv2d: the three ops are the defining sums, at ragged sizes") {
  HostRandom random(1, 1);
  for (int64_t stride = 1; stride <= 3; ++stride) {
    for (int64_t padding = 0; padding <= 3; ++padding) {
      for (int repeat = 0; repeat < 6; ++repeat) {
        const auto size = [&](int64_t low, int64_t high) { return low + random.below(high - low + 1); };
        check_against_definition(
            {size(0, 4), size(5, 11), size(5, 11), size(1, 5), size(1, 6), size(1, 5), size(1, 5), {stride, padding}},
            random);
      }
    }
  }
}

TEST_CASE("conv2d: the three ops are the defining sums, over several blocks and image groups") {
  HostRandom random(1, 2);
  check_against_definition({3, 28, 28, 1, 16, 5, 5, {1, 2}}, random);
  check_against_definition({19, 9, 8, 7, 33, 4, 4, {2, 1}}, random);
  check_against_definition({2, 30, 23, 3, 2, 3, 5, {1, 1}}, random);
  check_against_definition({2, 3, 3, 130, 9, 3, 3, {1, 1}}, random);
  // Windows that never meet the image: padding wider than the kernel.
  check_against_definition({2, 3, 4, 2, 3, 1, 2, {1, 3}}, random);
}

TEST_CASE("conv2d: the direct products are the defining sums, at panels of every width and bands of rows") {
  HostRandom random(1, 5);
  for (const int64_t filters : {8, 17, 33, 48, 70, 130}) {
    check_against_definition({3, 5, 6, 9, filters, 3, 3, {1, 1}}, random);
    check_against_definition({2, 6, 5, filters, 18, 5, 4, {2, 2}}, random);
  }
  check_against_definition({1, 40, 33, 12, 24, 3, 3, {1, 1}}, random);  // several bands of one image
  check_against_definition({1, 41, 37, 18, 9, 5, 5, {3, 2}}, random);
  check_against_definition({2, 2, 2, 20, 20, 5, 5, {2, 2}}, random);  // every window meets padding on both sides
  check_against_definition({1, 3, 3, 20, 20, 1, 1, {2, 3}}, random);  // and some meet only padding
  check_against_definition({70, 7, 7, 17, 33, 5, 5, {2, 2}}, random);
  check_against_definition({28, 20, 20, 12, 70, 5, 2, {4, 0}}, random);  // weight gradient: chunks of images
}

TEST_CASE("conv2d: weight gradients of few channels are the defining sums, in chunks of images and several panels") {
  HostRandom random(1, 8);
  for (const int64_t channels : {1, 3, 7}) {
    for (const int64_t filters : {8, 16, 50, 64, 130}) {
      check_against_definition({17, 6, 5, channels, filters, 3, 3, {1, 1}}, random);
      check_against_definition({3, 9, 8, channels, filters, 4, 2, {3, 0}}, random);  // windows leave pixels out
    }
  }
  check_against_definition({33, 7, 7, 1, 20, 5, 5, {2, 2}}, random);
  check_against_definition({2, 2, 3, 2, 16, 5, 5, {2, 2}}, random);  // every window meets padding on both sides
  check_against_definition({2, 3, 4, 2, 16, 1, 2, {1, 3}}, random);  // and some meet only padding
  check_against_definition({3, 3, 2, 1, 16, 2, 2, {9, 4}}, random);  // or all
}

TEST_CASE("conv2d: the kernels are the defining sums, at ragged sizes") {
  HostRandom random(1, 6);
  for (const bool shift : {false, true}) {
    for (const int64_t channels : {4, 5, 8, 20}) {
      check_against_definition({3, 9, 8, channels, 70, 3, 3, {1, 1}}, random, simulator, shift);
      check_against_definition({5, 7, 7, channels, 12, 5, 5, {2, 2}}, random, simulator, shift);
      check_against_definition({2, 6, 9, channels, 9, 2, 5, {3, 0}}, random, simulator, shift);
    }
    check_against_definition({3, 5, 4, 70, 6, 3, 2, {2, 1}}, random, simulator, shift);
  }
}

TEST_CASE("conv2d: the kernels for few channels are the defining sums, at ragged sizes") {
  HostRandom random(1, 7);
  for (int64_t channels = 1; channels <= 4; ++channels) {
    check_against_definition({3, 9, 8, channels, 70, 3, 3, {1, 1}}, random, simulator);
    check_against_definition({2, 11, 13, channels, 9, 5, 5, {2, 2}}, random, simulator);
    check_against_definition({2, 7, 6, channels, 33, 4, 2, {3, 1}}, random, simulator);
  }
  check_against_definition({1, 14, 15, 3, 2, 12, 12, {1, 2}}, random, simulator);  // a window too large for them
  // Several tiles of pixels per block.
  const Tensor x = random_tensor({1, 363, 363, 1}, random), filter = random_tensor({1, 1, 1, 1}, random);
  const auto found = conv2d(x.to(simulator), filter.to(simulator), {}).to_vector<double>();
  CHECK(found == (x * filter.item()).to_vector<double>());
}

TEST_CASE("conv2d: kernels refuse sizes that 32 bits do not count") {
  const Tensor x = zeros({1, 2, 2, 1}, {DType::float32, simulator}),
               filter = zeros({1, 1, 1, 1}, {DType::float32, simulator});
  const ConvParams far{int64_t{1} << 32, int64_t{1} << 31};
  CHECK_THROWS_WITH(conv2d(x, filter, far), kantor::Contains("at most 2147483647 are possible"));
}

TEST_CASE("conv2d: bias and activation in the epilogue are the convolution, then both") {
  HostRandom random(1, 4);
  for (const Device device : {host, simulator}) {
    for (const Sizes& s : {Sizes{3, 9, 8, 7, 70, 4, 4, {2, 1}}, Sizes{2, 7, 7, 33, 5, 5, 5, {2, 2}},
                           Sizes{2, 6, 7, 1, 3, 3, 3, {1, 1}}, Sizes{1, 5, 6, 2, 1, 3, 2, {3, 0}}}) {
      for (const Activation f :
           {Activation{}, Activation{Activation::Kind::leaky_relu, 0.1}, Activation{Activation::Kind::sigmoid}}) {
        INFO(s.text() << " on " << to_string(device) << ", activation " << static_cast<int>(f.kind));
        const Operands in = operands(s, random, DType::float64);
        const Tensor x = in.x.to(device), filter = in.filter.to(device), g = in.g.to(device);
        const Tensor of_y = random_tensor({s.filters}, random).to(device);
        const Tensor of_x = random_tensor({s.channels}, random).to(device);
        const auto check = [](const Tensor& fused, const Tensor& parts) {
          CHECK(fused.shape() == parts.shape());
          const auto a = fused.to_vector<double>(), b = parts.to_vector<double>();
          for (size_t i = 0; i < b.size(); ++i) CHECK(a[i] == Approx(b[i]).epsilon(1e-12).margin(1e-13));
        };
        check(conv2d(x, filter, s.window, of_y, f), bias_activate(conv2d(x, filter, s.window), of_y, f));
        check(conv2d(x, filter, s.window, {}, f), activate(conv2d(x, filter, s.window), f));
        const Tensor up = conv2d_input_grad(g, filter, s.window, s.height, s.width);
        check(conv2d_input_grad(g, filter, s.window, s.height, s.width, of_x, f), bias_activate(up, of_x, f));
        check(conv2d_input_grad(g, filter, s.window, s.height, s.width, {}, f), activate(up, f));
      }
    }
  }
}

TEST_CASE("conv2d: the bits do not depend on the number of threads") {
  HostRandom random(1, 3);
  const int before = threads();
  for (const Sizes& s : {Sizes{5, 28, 28, 1, 16, 5, 5, {2, 2}}, Sizes{17, 14, 14, 3, 32, 5, 5, {2, 2}},
                         Sizes{21, 14, 14, 20, 70, 5, 5, {2, 2}}, Sizes{1, 28, 28, 16, 1, 5, 5, {1, 2}}}) {
    INFO(s.text());
    const Operands in = operands(s, random, DType::float32);
    set_threads(3);
    const auto many = partials(s, in);
    for (const int count : {1, 2}) {
      set_threads(count);
      const auto found = partials(s, in);
      for (size_t i = 0; i < found.size(); ++i) {
        CHECK(std::memcmp(found[i].view().data, many[i].view().data, static_cast<size_t>(many[i].size()) * 4) == 0);
      }
    }
  }
  set_threads(before);
}

TEST_CASE("conv2d: what does not fit is named") {
  const Tensor x = zeros({2, 4, 4, 3}), filter = zeros({5, 3, 3, 3});
  CHECK_THROWS_AS(conv2d(x, zeros({5, 7, 3, 3}), {1, 1}), ShapeError);
  CHECK_THROWS_WITH(conv2d(x, zeros({5, 7, 3, 3}), {1, 1}), kantor::Contains("conv2d") &&
                                                                kantor::Contains("kernel of 7") &&
                                                                kantor::Contains("image of 4 with padding 1"));
  CHECK_THROWS_WITH(conv2d(x, zeros({5, 3, 3, 2}), {}), kantor::Contains("3 channels in the images, 2 in the filter"));
  CHECK_THROWS_WITH(conv2d(x, filter, {0, 0}), kantor::Contains("stride 0"));
  CHECK_THROWS_WITH(conv2d(x, filter, {1, -1}), kantor::Contains("padding -1"));
  CHECK_THROWS_WITH(conv2d(zeros({4, 4, 3}), filter, {}), kantor::Contains("rank 4"));
  CHECK_THROWS_WITH(conv2d(x, filter, {}, zeros({3})), kantor::Contains("the bias is [3], [5] is expected"));
  CHECK_THROWS_WITH(conv2d_input_grad(zeros({2, 3, 2, 5}), filter, {}, 4, 4), kantor::Contains("gives [2, 2, 2, O]"));
  CHECK_THROWS_WITH(conv2d_input_grad(zeros({2, 2, 2, 5}), filter, {}, 4, 4, zeros({5})),
                    kantor::Contains("the bias is [5], [3] is expected"));
  CHECK_THROWS_WITH(conv2d_weight_grad(x, zeros({1, 2, 2, 5}), {}, 3, 3), kantor::Contains("gives [2, 2, 2, O]"));
}
