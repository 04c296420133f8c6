// Matrix products across the borders of their tiles, and the same bits from any number of threads.
#include "engine/ops.h"
#include "engine/threads.h"
#include "tests/catch.h"
#include "tests/gradcheck.h"

#include <cmath>
#include <cstring>

using namespace kantor;
using kantor::testing::random_tensor;

TEST_CASE("matmul: across tile borders, with every transposition, it is the defining sum") {
  HostRandom random(4, 1);
  const int64_t sizes[][3] = {{129, 257, 33}, {1, 300, 65}, {257, 1, 130}, {128, 256, 1}, {3, 2, 1000}, {4, 5, 0}};
  for (const auto& [m, n, k] : sizes) {
    for (const bool ta : {false, true}) {
      for (const bool tb : {false, true}) {
        for (const DType dtype : {DType::float32, DType::float64}) {
          const Tensor a = random_tensor(ta ? Shape{k, m} : Shape{m, k}, random).to(dtype);
          const Tensor b = random_tensor(tb ? Shape{n, k} : Shape{k, n}, random).to(dtype);
          const auto x = a.to_vector<double>(), y = b.to_vector<double>();
          const Tensor product = matmul(a, b, ta, tb);
          REQUIRE(product.shape() == Shape{m, n});
          const auto found = product.to_vector<double>();
          double worst = 0;
          for (int64_t i = 0; i < m; ++i) {
            for (int64_t j = 0; j < n; ++j) {
              double total = 0, scale = 0;
              for (int64_t p = 0; p < k; ++p) {
                const double term = x[static_cast<size_t>(ta ? p * m + i : i * k + p)] *
                                    y[static_cast<size_t>(tb ? j * k + p : p * n + j)];
                total += term;
                scale += std::abs(term);
              }
              const double error = std::abs(found[static_cast<size_t>(i * n + j)] - total);
              if (!(error <= worst * scale)) worst = scale > 0 ? error / scale : INFINITY;
            }
          }
          INFO(m << " x " << n << " x " << k << ", " << ta << tb << " " << to_string(dtype));
          CHECK(worst <= (dtype == DType::float32 ? 1e-6 : 1e-14));
        }
      }
    }
  }
}

TEST_CASE("matmul: the bits do not depend on the number of threads, in any order of asking") {
  HostRandom random(4, 2);
  const int before = threads();
  const int64_t sizes[][3] = {{64, 512, 512}, {256, 512, 2}, {512, 512, 256}, {128, 256, 999}, {100, 64, 5000}};
  for (const auto& [m, n, k] : sizes) {
    const Tensor x = random_tensor({m, k}, random).to(DType::float32);
    const Tensor w = random_tensor({n, k}, random).to(DType::float32),
                 bias = random_tensor({n}, random).to(DType::float32);
    const Tensor upright = transpose(w, {1, 0}).detach();
    Tensor first, first_product;
    for (const int count : {3, 1, 2}) {
      set_threads(count);
      const Tensor y = linear(x, w, bias, {Activation::Kind::tanh}), product = matmul(x, upright);
      if (!first.defined()) {
        first = y;
        first_product = product;
      }
      INFO(m << " x " << n << " x " << k << " on " << count << " threads");
      CHECK(std::memcmp(y.view().data, first.view().data, static_cast<size_t>(y.size()) * 4) == 0);
      CHECK(std::memcmp(product.view().data, first_product.view().data, static_cast<size_t>(y.size()) * 4) == 0);
    }
  }
  set_threads(before);
}
