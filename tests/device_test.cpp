// Every op on the devices that run kernels, against the CPU in float64: values and first derivatives, in both types.
#include "engine/autograd.h"
#include "engine/error.h"
#include "engine/ops.h"
#include "engine/products.h"
#include "engine/verification.h"
#include "tests/catch.h"
#include "tests/op_table.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

using namespace kantor;
using namespace kantor::testing;

namespace {

/// Number of cases per op: KANTOR_CASES, for tools that slow kernels down a hundredfold, otherwise the default.
int cases_or(int standard) {
  const char* text = std::getenv("KANTOR_CASES");
  return text != nullptr && std::atoi(text) > 0 ? std::atoi(text) : standard;
}

constexpr Device sim_device{Device::Kind::sim, 0}, gpu{Device::Kind::cuda, 0};

std::vector<Tensor> moved(const std::vector<Tensor>& inputs, DType dtype, Device device) {
  std::vector<Tensor> result;
  for (const Tensor& input : inputs) {
    result.push_back((is_floating(input.dtype()) ? input.to(dtype) : input).to(device));
  }
  return result;
}

double normalized_error(const Tensor& a, const Tensor& b) {
  const auto x = a.to_vector<double>(), y = b.to_vector<double>();
  if (x.size() != y.size()) return 1e300;
  double error = 0, scale = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    error += (x[i] - y[i]) * (x[i] - y[i]);
    scale += y[i] * y[i];
  }
  return scale > 0 ? error / scale : error;
}

std::vector<Tensor> differentiable(const Case& c, const std::vector<Tensor>& inputs) {
  std::vector<Tensor> result;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (c.differentiable[i]) result.push_back(inputs[i]);
  }
  return result;
}

/// Gradients of <weights, fn>; undefined where there is none.
std::vector<Tensor> gradients(const Case& c, const Tensor& y, const Tensor& weights,
                              const std::vector<Tensor>& inputs) {
  return grad(sum(y * weights.to(y.dtype()).to(y.device())), differentiable(c, inputs));
}

void compare_with_cpu(const std::vector<OpRow>& rows, Device device, int cases) {
  uint32_t index = 0;
  for (const OpRow& row : rows) {
    HostRandom random(2027, 1, index++);
    for (int k = 0; k < cases; ++k) {
      const Case c = row.sample(random);
      for (const auto& [dtype, bar] : {std::pair{DType::float32, 1e-10}, std::pair{DType::float64, 1e-24}}) {
        const auto host = moved(moved(c.inputs, dtype, {}), DType::float64, {});
        const auto inputs = moved(c.inputs, dtype, device);
        INFO(row.name << " in " << to_string(dtype) << ", case " << k);
        const Tensor y = c.fn(inputs);
        CHECK(y.device() == device);
        const Tensor reference = c.fn(host);
        CHECK(normalized_error(y, reference) <= bar);
        const Tensor weights = random_tensor(reference.shape(), random);
        const auto found = gradients(c, y, weights, inputs), expected = gradients(c, reference, weights, host);
        for (size_t i = 0; i < expected.size(); ++i) {
          CHECK(found[i].defined() == expected[i].defined());
          // A derivative passes several ops, some in terms of an output that was rounded (1 - y^2 of tanh).
          if (expected[i].defined() && found[i].defined()) CHECK(normalized_error(found[i], expected[i]) <= 10 * bar);
        }
      }
    }
  }
}

}  // namespace

TEST_CASE("sim: every op agrees with the CPU's float64, values and derivatives") {
  compare_with_cpu(op_table(), sim_device, cases_or(6));
  compare_with_cpu(large_cases(), sim_device, 1);
}

TEST_CASE("cuda: every op agrees with the CPU's float64, values and derivatives") {
  if (const std::string reason = why_unavailable(gpu); !reason.empty()) {
    WARN("not run: " << reason);
    return;
  }
  compare_with_cpu(op_table(), gpu, cases_or(20));
  compare_with_cpu(large_cases(), gpu, cases_or(4));
}

TEST_CASE("cuda: cuDNN's convolutions agree with the CPU's float64, TF32 within its rounding") {
  if (const std::string reason = why_unavailable(gpu); !reason.empty()) {
    WARN("not run: " << reason);
    return;
  }
  const auto convolutions = [](const std::vector<OpRow>& all) {
    std::vector<OpRow> rows;
    for (const OpRow& row : all) {
      if (row.family == "conv2d") rows.push_back(row);
    }
    return rows;
  };
  try {
    set_products({.arithmetic = Arithmetic::float32, .cudnn = true});
  } catch (const DeviceError& missing) {
    WARN("not run: " << missing.what());
    return;
  }
  compare_with_cpu(convolutions(op_table()), gpu, cases_or(20));
  compare_with_cpu(convolutions(large_cases()), gpu, cases_or(4));
  set_products({.arithmetic = Arithmetic::tf32, .cudnn = true});
  HostRandom random(2029, 1);
  const Tensor x = random_tensor({8, 16, 16, 32}, random).to(DType::float32);
  const Tensor filter = random_tensor({64, 5, 5, 32}, random).to(DType::float32);
  const Tensor y = conv2d(x.to(gpu), filter.to(gpu), {2, 2});
  set_products({});
  // The operands have 10 bits of mantissa.
  CHECK(normalized_error(y, conv2d(x.to(DType::float64), filter.to(DType::float64), {2, 2})) <= 1e-6);
}

namespace {

/// Products and convolutions in each arithmetic are as wrong as it says, and no less: it is the one that was chosen.
void check_arithmetics(Device device) {
  struct Expected {
    Arithmetic arithmetic;
    double least, most;  // normalized squared error against float64
  };
  constexpr Expected all[] = {{Arithmetic::float32, 1e-16, 1e-12},
                              {Arithmetic::three_tf32, 1e-16, 1e-12},
                              {Arithmetic::tf32, 1e-9, 1e-6},
                              {Arithmetic::bf16, 1e-7, 1e-4}};
  HostRandom random(2030, 1);
  const auto draw = [&](const Shape& shape) { return random_tensor(shape, random).to(DType::float32); };
  const Tensor a = draw({40, 144}), b = draw({24, 144}), x = draw({2, 9, 9, 16}), filter = draw({8, 5, 5, 16});
  const ConvParams window{2, 2};
  const auto in_double = [](const Tensor& t) { return t.to(DType::float64); };
  const Tensor product = matmul(in_double(a), in_double(b), false, true);
  const Tensor y = conv2d(in_double(x), in_double(filter), window);
  for (const Expected& e : all) {
    INFO(to_string(device) << ", " << arithmetic_name(e.arithmetic));
    set_products({.arithmetic = e.arithmetic});
    const double of_product = normalized_error(matmul(a.to(device), b.to(device), false, true), product);
    const double of_convolution = normalized_error(conv2d(x.to(device), filter.to(device), window), y);
    const std::string name = product_arithmetic(device);
    set_products({});
    CHECK(name == arithmetic_name(e.arithmetic));
    for (const double error : {of_product, of_convolution}) {
      CHECK(error >= e.least);
      CHECK(error <= e.most);
    }
  }
}

}  // namespace

TEST_CASE("sim: products are made in the arithmetic that was chosen") {
  check_arithmetics(sim_device);
}

TEST_CASE("cuda: products are made in the arithmetic that was chosen") {
  if (const std::string reason = why_unavailable(gpu); !reason.empty()) {
    WARN("not run: " << reason);
    return;
  }
  check_arithmetics(gpu);
}

TEST_CASE("cuda: the self-check passes the kernels of every arithmetic") {
  if (const std::string reason = why_unavailable(gpu); !reason.empty()) {
    WARN("not run: " << reason);
    return;
  }
  const Findings found = verify(gpu);
  for (const std::string& finding : found) CHECK(finding == "");
}
