// Each family of kernels at a usual size: what docs/kernels.md lists, one or two rows a family.
#include "bench/op_subject.h"
#include "bench/optimizer_subject.h"
#include "bench/suites/suites.h"
#include "engine/autograd.h"
#include "engine/ops.h"
#include "engine/random.h"
#include "kernels/gemm.h"
#include "kernels/pointwise.h"

#include <fmt/format.h>
#include <utility>

namespace kantor {
namespace {

std::string by(int64_t rows, int64_t width) {
  return fmt::format("{} x {}", rows, width);
}

/// An op of one or two arrays of [rows, width] that reads each once.
Subject pass(const std::string& name, int64_t rows, int64_t width, int operands, Device device,
             Tensors (*op)(const Tensors& in, DType dtype), double allowed = 1e-6) {
  OpCase c{name, by(rows, width), pointwise_cost(rows * width, operands, 4), {operands, 1}};
  c.inputs = [=](Device d) {
    Tensors in;
    for (int i = 0; i < operands; ++i) in.push_back(random_values({rows, width}, d, static_cast<uint32_t>(20 + i)));
    return in;
  };
  c.op = op;
  c.allowed = allowed;
  return op_subject(c, device);
}

/// A sum that reads [rows, width] and writes far less.
Subject reduction(const std::string& name, int64_t rows, int64_t width, int64_t outputs, Device device,
                  Tensors (*op)(const Tensors& in, DType dtype)) {
  OpCase c{name, by(rows, width), {(rows * width + outputs) * 4, rows * width}, {1, 0}};
  c.inputs = [=](Device d) { return Tensors{random_values({rows, width}, d, 22)}; };
  c.op = op;
  c.allowed = 1e-6;
  c.absolute_terms = true;
  return op_subject(c, device);
}

/// Bytes are those of distinct arrays: what is read a second time may come from a cache, also in a cold run.
Subject norm(const std::string& name, int64_t rows, int64_t width, int64_t bytes, Streams streams, bool derivative,
             Device device, Tensor (*forward)(const Tensor& x, const Tensor& gamma, const Tensor& beta)) {
  OpCase c{name, by(rows, width), {bytes * rows * width, 0}, streams};
  c.inputs = [=](Device d) {
    return Tensors{random_values({rows, width}, d, 23), random_values({width}, d, 24), random_values({width}, d, 25),
                   random_values({rows, width}, d, 26)};
  };
  c.op = [derivative, forward](const Tensors& in, DType) {
    if (!derivative) return Tensors{forward(in[0], in[1], in[2])};
    const Tensors xs{in[0].detach(), in[1].detach(), in[2].detach()};
    const Tensor y = forward(xs[0], xs[1], xs[2]);
    Tensors all = grad(y, xs, {.seed = in[3]});
    all.push_back(y.detach());
    return all;
  };
  c.allowed = 1e-5;
  c.graph = derivative;
  return op_subject(c, device);
}

/// Draws of [size], with the counter that says which numbers are next as their input.
Subject draw(const std::string& name, int64_t size, int64_t bytes, Device device,
             Tensors (*op)(const Tensors& in, DType dtype), double allowed) {
  OpCase c{name, fmt::format("{}", size), {bytes * size, 0}, {0, 1}};
  c.inputs = [size](Device d) { return Tensors{zeros({}, {DType::int64, d}), zeros({size}, {DType::float32, d})}; };
  c.op = op;
  c.allowed = allowed;
  return op_subject(c, device);
}

}  // namespace

Subject matmul_subject(int64_t m, int64_t n, int64_t k, Device device) {
  OpCase c{"product", fmt::format("{} x {} x {}", m, n, k), gemm_cost(m, n, k, 4), {2, 1}};
  c.inputs = [=](Device d) { return Tensors{random_values({m, k}, d, 10), random_values({k, n}, d, 11)}; };
  c.op = [](const Tensors& in, DType) { return Tensors{matmul(in[0], in[1])}; };
  c.allowed = 2e-6;
  c.absolute_terms = true;
  c.by_rows = {true, false};
  c.checked_rows = 32;
  return op_subject(c, device);
}

std::vector<Subject> kernel_subjects(const BenchOptions& options) {
  const Device d = options.device;
  const bool few = options.few();
  const int64_t rows = few ? 64 : 4096, width = few ? 100 : 4096, batch = few ? 32 : 256;
  std::vector<Subject> all;
  all.push_back(
      pass("pointwise: a + b", rows, width, 2, d, [](const Tensors& in, DType) { return Tensors{in[0] + in[1]}; }));
  all.push_back(
      pass("pointwise: tanh", rows, width, 1, d, [](const Tensors& in, DType) { return Tensors{tanh(in[0])}; }));
  all.push_back(pass("copy: transposition", rows, width, 1, d, [](const Tensors& in, DType) {
    return Tensors{transpose(in[0], {1, 0})};
  }));
  all.push_back(
      reduction("reduce: sum of all", rows, width, 1, d, [](const Tensors& in, DType) { return Tensors{sum(in[0])}; }));
  all.push_back(reduction("reduce: sum over rows", rows, width, width, d,
                          [](const Tensors& in, DType) { return Tensors{sum(in[0], {0})}; }));
  all.push_back(reduction("reduce: norms of rows", rows, width, rows, d,
                          [](const Tensors& in, DType) { return Tensors{row_norm(in[0])}; }));
  all.push_back(few ? matmul_subject(36, 20, 132, d) : matmul_subject(1024, 1024, 1024, d));
  all.push_back(pass("group_sort: pairs", rows, width, 1, d,
                     [](const Tensors& in, DType) { return Tensors{group_sort(in[0], 2)}; }));
  all.push_back(pass("group_sort: groups of 4", rows, width, 1, d,
                     [](const Tensors& in, DType) { return Tensors{group_sort(in[0], 4)}; }));
  const int64_t pixels = few ? 98 : 64 * 14 * 14, channels = few ? 8 : 128;
  const auto batch_normed = [](const Tensor& x, const Tensor& gamma, const Tensor& beta) {
    return batch_norm(x, gamma, beta).y;
  };
  const auto layer_normed = [](const Tensor& x, const Tensor& gamma, const Tensor& beta) {
    return layer_norm(x, gamma, beta);
  };
  all.push_back(norm("batch_norm", pixels, channels, 8, {1, 1}, false, d, batch_normed));
  all.push_back(norm("batch_norm and its derivative", pixels, channels, 16, {2, 2}, true, d, batch_normed));
  const int64_t features = few ? 100 : 14 * 14 * 128;
  all.push_back(norm("layer_norm", batch / 4, features, 8, {1, 1}, false, d, layer_normed));
  all.push_back(norm("layer_norm and its derivative", batch / 4, features, 16, {2, 2}, true, d, layer_normed));
  all.push_back(interpolation_subject(batch, few ? 784 : 3072, d));
  all.push_back(penalty_subject(batch, few ? 784 : 3072, d));
  all.push_back(optimizer_subject("Adam", "adam", few ? 10'000 : 1'000'000, d));
  const int64_t drawn = few ? 10'000 : 16'000'000;
  all.push_back(draw(
      "philox: uniform", drawn, 4, d,
      [](const Tensors& in, DType dtype) { return Tensors{uniform(in[1].shape(), 1, 7, in[0], dtype)}; }, 0));
  all.push_back(draw(
      "philox: normal", drawn, 4, d,
      [](const Tensors& in, DType dtype) { return Tensors{normal(in[1].shape(), 1, 8, in[0], dtype)}; }, 1e-7));
  all.push_back(draw(
      "philox: integers", drawn, 8, d,
      [](const Tensors& in, DType) { return Tensors{random_below(in[1].shape(), 1000, 1, 9, in[0])}; }, 0));
  return all;
}

}  // namespace kantor
