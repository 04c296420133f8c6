// Rewrites of recordings: each one alone, and what it must leave alone.
#include "engine/autograd.h"
#include "engine/in_place.h"
#include "engine/ops.h"
#include "engine/rewrites.h"
#include "engine/step.h"
#include "tests/catch.h"
#include "tests/recorded_step.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

using namespace kantor;
using namespace kantor::testing;

namespace {

constexpr Device sim_device{Device::Kind::sim, 0};

/// The step leaves the same with the rewrite as without, by `fewer` ops.
void check_rewrite(const std::string& name, int64_t fewer, const std::function<RecordedStep()>& make) {
  INFO(name);
  const Outcome before = outcome(make, "none"), after = outcome(make, name);
  CHECK(before.ops - after.ops == fewer);
  CHECK(largest_difference(before.values, after.values) <= 1e-6);
  const auto& table = rewrite_table();
  const auto info = std::find_if(table.begin(), table.end(), [&](const RewriteInfo& row) { return row.name == name; });
  if (info != table.end() && info->exact) CHECK(before.values == after.values);
}

}  // namespace

TEST_CASE("rewrite: what nothing reads is not computed") {
  check_rewrite("dead", 2, [] {
    const Tensor x = ones({4}), y = zeros({4});
    return RecordedStep{[=] {
                          (void)exp(exp(x));  // both, the inner one because of the outer one
                          y.copy_from(x * 2);
                        },
                        {y}};
  });
}

TEST_CASE("rewrite: constants are computed once, what depends on the step's tensors is not") {
  check_rewrite("constants", 4, [] {
    const Tensor x = ones({2, 3}), y = zeros({2, 3});
    return RecordedStep{[=] {
                          // full, scale_shift, broadcast_to, exp
                          y.copy_from(x * exp(broadcast_to(full({1, 3}, 0.25) * 2, {2, 3})));
                          x.copy_from(y);
                        },
                        {y}};
  });
  check_rewrite("constants", 0, [] {  // what is overwritten is no constant
    const Tensor y = zeros({2});
    return RecordedStep{[=] {
                          const Tensor changing = full({2}, 1);
                          blend(changing, y, 1, 1);
                          y.copy_from(changing);
                        },
                        {y}};
  });
}

TEST_CASE("rewrite: results are written where they would be copied to") {
  check_rewrite("in-place", 1, [] {
    const Tensor x = ones({4}), y = zeros({4}), z = zeros({4});
    return RecordedStep{[=] {
                          const Tensor result = x * 3;
                          y.copy_from(result);
                          z.copy_from(result);  // stays: the value has one place
                          x.copy_from(y);
                        },
                        {y, z, x}};
  });
  check_rewrite("in-place", 0, [] {  // the target is read, or written, between the making and the copy
    const Tensor x = ones({4}), y = ones({4});
    return RecordedStep{[=] {
                          const Tensor result = x * 3;
                          blend(x, y, 1, 1);
                          y.copy_from(result);
                        },
                        {y, x}};
  });
  check_rewrite("in-place", 0, [] {  // the target is overwritten while the source is still needed
    const Tensor x = ones({4}), y = ones({4}), z = zeros({4});
    return RecordedStep{[=] {
                          const Tensor result = x * 3;
                          y.copy_from(result);
                          blend(y, x, 0, 5);
                          blend(z, result, 1, 1);
                        },
                        {y, z}};
  });
  check_rewrite("in-place", 1, [] {  // of two results of one op that go to one place, the later copy stays
    const Tensor g = full({1, 1}, 3), y = zeros({1});
    return RecordedStep{[=] {
                          const PenaltyResult result = gradient_penalty(g, PenaltyKind::two_sided, 10);
                          y.copy_from(reshape(result.value, {1}));
                          y.copy_from(result.norms);
                        },
                        {y}};
  });
  check_rewrite("in-place", 0, [] {  // the maker reads the target's other elements
    const Tensor x = ones({2, 2});
    return RecordedStep{[=] { x.copy_from(matmul(x, x)); }, {x}};
  });
}

TEST_CASE("rewrite: calls that do the same to different rows are one") {
  const auto chain = [](bool update_between) {
    return [=] {
      HostRandom random(3, 0);
      const Tensor w = normal_tensor(random, {5, 3}), b = normal_tensor(random, {5}), v = normal_tensor(random, {2, 5});
      const Tensor x = normal_tensor(random, {4, 3}), y = normal_tensor(random, {6, 3});
      const Tensor p = zeros({4, 2}), q = zeros({6, 2});
      return RecordedStep{[=] {
                            const Activation tanh{Activation::Kind::tanh};
                            p.copy_from(linear(activate(linear(exp(x), w, b), tanh), v, {}));
                            if (update_between) blend(w, w, 0.5, 0.25);
                            q.copy_from(linear(activate(linear(exp(y), w, b), tanh), v, {}));
                          },
                          {p, q}};
    };
  };
  check_rewrite("rows", 3, chain(false));  // two products and the activation between them
  // Of two different weights; what comes behind has one weight again.
  check_rewrite("rows", 2, chain(true));
}

TEST_CASE("rewrite: weight gradients that are added are one product") {
  check_rewrite("rows,sums", 5, [] {
    HostRandom random(4, 0);
    const Tensor w = normal_tensor(random, {5, 3});
    const Tensor x = normal_tensor(random, {4, 3}), y = normal_tensor(random, {6, 3});
    const Arena gradients({{"w", {5, 3}}}, {});
    return RecordedStep{[=] {
                          // The two products become one, and of each of two sums and their addition one sum is left.
                          const Tensor loss = sum(linear(exp(x), w, {})) + sum(linear(exp(y), w, {}));
                          gradients.tensors()[0].copy_from(grad(loss, {w})[0]);
                        },
                        {gradients.flat()}};
  });
}

TEST_CASE("rewrite: products take the derivative of the layer before into their epilogue") {
  for (const bool in_place : {false, true}) {
    check_rewrite("epilogues", 1, [=] {
      HostRandom random(5, 0);
      const Tensor a = normal_tensor(random, {200, 7}), b = normal_tensor(random, {7, 300});
      const Tensor y = normal_tensor(random, {200, 300}), z = in_place ? y : zeros({200, 300});
      return RecordedStep{[=] { z.copy_from(activation_grad(matmul(a, b), y, {Activation::Kind::tanh})); }, {z}};
    });
  }
  check_rewrite("epilogues", 0, [] {  // the product is needed for something else too
    const Tensor a = ones({4, 4}), y = zeros({4, 4}), z = zeros({4, 4});
    return RecordedStep{[=] {
                          const Tensor product = matmul(a, a);
                          y.copy_from(activation_grad(product, a, {Activation::Kind::relu}));
                          z.copy_from(product);
                        },
                        {y, z}};
  });
}

TEST_CASE("rewrite: pointwise ops that follow each other are one pass") {
  const auto program = [](DType dtype) {
    return [=] {
      HostRandom random(6, 0);
      const TensorOptions options{dtype, {}};
      const Tensor x = normal_tensor(random, {70, 9}, options), y = normal_tensor(random, {70, 9}, options);
      const Tensor s = normal_tensor(random, {}, options), z = zeros({70, 9}, options), t = zeros({70, 9}, options);
      return RecordedStep{[=] {
                            const Tensor u = exp(x * y) + s;                            // three
                            z.copy_from(square(u) / (abs(y) + 1));                      // four; the copy stays
                            t.copy_from(activate(u - x, {Activation::Kind::sigmoid}));  // two, which read what stays
                          },
                          {z, t}};
    };
  };
  check_rewrite("pointwise", 8, program(DType::float32));
  check_rewrite("pointwise", 8, program(DType::float64));
  check_rewrite("pointwise", 0, [] {  // rows are repeated, or the sizes differ
    const Tensor x = ones({3, 2}), b = ones({2}), y = zeros({3, 2});
    return RecordedStep{[=] { y.copy_from(x * exp(b)); }, {y}};
  });
}

TEST_CASE("rewrite: sums over rows are one launch on a device, and stay apart on the CPU") {
  for (const Device device : {Device{}, sim_device}) {
    for (const int64_t rows : {int64_t{5}, int64_t{700}}) {  // of one chunk, of several
      INFO(to_string(device) << ", " << rows << " rows");
      const auto make = [&] {
        HostRandom random(7, 0);
        const TensorOptions options{DType::float32, device};
        const Tensor x = normal_tensor(random, {rows, 33}, options),
                     y = normal_tensor(random, {2 * rows, 3, 1}, options);
        const Tensor z = normal_tensor(random, {9 * rows}, options);
        const Tensor a = zeros({33}, options), b = zeros({1}, options), c = zeros({}, options);
        const Tensor d = zeros({33}, options);
        return RecordedStep{[=] {
                              a.copy_from(sum(x, {0}));
                              b.copy_from(sum(y, {0, 1}));
                              c.copy_from(sum(z));
                              d.copy_from(sum(exp(broadcast_to(a, {rows, 33})), {0}));  // depends on the first
                            },
                            {a, b, c, d}};
      };
      const Outcome before = outcome(make, "in-place", device), after = outcome(make, "group-sums,in-place", device);
      CHECK(before.values == after.values);
      const bool grouped = device == sim_device;
      CHECK(before.ops - after.ops == (grouped ? rows > 256 ? 4 : 2 : 0));
    }
  }
}

TEST_CASE("rewrite: names are checked, and a step explains itself") {
  CHECK_THROWS_WITH(set_rewrites("rows,colums"), Contains("'colums'") && Contains("in-place"));
  {
    const RewriteScope scope("rows,dead");
    CHECK(active_rewrites() == std::vector<std::string>{"dead", "rows"});
  }
  CHECK(active_rewrites().size() == rewrite_table().size());
  const Tensor x = ones({2}), y = zeros({2});
  const std::string text = explain_step([&] { y.copy_from(exp(x)); });
  CHECK_THAT(text, Contains("2 ops as written") && Contains("1 ops as replayed") && Contains("exp"));
  CHECK(y.to_vector<float>() == std::vector<float>{0, 0});  // nothing ran
  Step step([] { (void)explain_step([] {}); });
  CHECK_THROWS_WITH(step(), Contains("explaining another step while a step is being captured"));
}
