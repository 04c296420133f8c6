// Sizes that the table's random shapes do not reach, on which kernels take their other paths.
#include "engine/ops.h"
#include "kernels/conv2d.h"
#include "kernels/reduce.h"
#include "tests/op_table.h"

namespace kantor::testing {
namespace {

using Inputs = std::vector<Tensor>;

OpRow of_one(const std::string& name, const std::string& family, const Shape& shape,
             const std::function<Tensor(const Tensor&)>& fn) {
  return {name, family, [shape, fn](HostRandom& random) {
            return Case{[fn](const Inputs& in) { return fn(in[0]); }, {random_tensor(shape, random)}, {true}};
          }};
}

/// Rows for a thread (several blocks of them), for a warp, for a block, and split over blocks because they are long, or
/// long and few; each with a ragged last part.
std::vector<OpRow> penalties() {
  std::vector<OpRow> rows;
  for (const PenaltyKind kind : {PenaltyKind::two_sided, PenaltyKind::one_sided, PenaltyKind::squared}) {
    for (const Shape& shape : {Shape{300, 2}, Shape{3, 1000}, Shape{3, 1500}, Shape{3, 25'000}, Shape{2, 8195}}) {
      rows.push_back(of_one("gradient_penalty", "gradient_penalty", shape,
                            [kind](const Tensor& g) { return gradient_penalty(g, kind, 10).value; }));
    }
  }
  return rows;
}

/// One chunk more than fits into one launch.
std::vector<OpRow> reductions() {
  return {
      of_one("sum", "reduce", {2, sum_chunk(1, 1) + 3}, [](const Tensor& x) { return sum(x, {1}); }),
      of_one("sum", "reduce", {2, sum_chunk(1, 35) + 5, 35}, [](const Tensor& x) { return sum(x, {1}); }),
      of_one("row_norm", "reduce", {3, 1025}, [](const Tensor& x) { return row_norm(x); }),
  };
}

/// Tiles of two axes, ragged both ways, with other axes before, between and behind them.
std::vector<OpRow> transpositions() {
  return {
      of_one("transpose", "copy", {70, 41},
             [](const Tensor& x) {
               return transpose(x, {1, 0});
             }),
      of_one("transpose", "copy", {3, 33, 2, 40},
             [](const Tensor& x) {
               return transpose(x, {0, 3, 2, 1});
             }),
      of_one("transpose", "copy", {9, 2, 65},
             [](const Tensor& x) {
               return transpose(x, {2, 1, 0});
             }),
  };
}

/// Groups that a block of threads does not hold, and that the CPU sorts by bytes; pairs in packs.
std::vector<OpRow> sorted_groups() {
  return {of_one("sort_groups", "group_sort", {5, 600}, [](const Tensor& x) { return group_sort(x, 300); }),
          of_one("maxmin", "group_sort", {6, 302}, [](const Tensor& x) { return group_sort(x, 2); })};
}

/// Several tiles each way, and stretches of split-K.
std::vector<OpRow> products() {
  const ConvParams window{2, 1};
  const Shape x{5, 23, 23, 3}, filter{6, 3, 3, 3}, y{5, 12, 12, 6};
  return {
      {"matmul", "matmul",
       [](HostRandom& r) {
         return Case{[](const Inputs& in) { return matmul(in[0], in[1], false, true); },
                     {random_tensor({70, 35}, r), random_tensor({130, 35}, r)},
                     {true, true}};
       }},
      {"conv2d", "conv2d",
       [=](HostRandom& r) {
         return Case{[=](const Inputs& in) { return conv2d(in[0], in[1], window); },
                     {random_tensor(x, r), random_tensor(filter, r)},
                     {true, true}};
       }},
      {"conv2d_weight_grad", "conv2d",
       [=](HostRandom& r) {
         return Case{[=](const Inputs& in) { return conv2d_weight_grad(in[0], in[1], window, 3, 3); },
                     {random_tensor(x, r), random_tensor(y, r)},
                     {true, true}};
       }},
  };
}

/// Windows of 4 x 4 and 5 x 5 with stride 2 on one and three channels, whose filters fill part of a warp, or several
/// warps, and outputs with ragged tiles and strips; with bias and activation too.
std::vector<OpRow> image_convolutions() {
  struct Sizes {
    int64_t height, width, channels, filters, kernel;
  };
  std::vector<OpRow> rows;
  for (const Sizes& s :
       {Sizes{64, 64, 3, 64, 4}, Sizes{28, 28, 1, 64, 5}, Sizes{11, 75, 3, 7, 4}, Sizes{37, 9, 3, 70, 5},
        Sizes{13, 67, 1, 130, 4}, Sizes{6, 5, 1, 300, 5}, Sizes{2, 3, 3, 65, 4}}) {
    const ConvParams params{2, (s.kernel - 1) / 2};
    const Shape x{2, s.height, s.width, s.channels}, filter{s.filters, s.kernel, s.kernel, s.channels};
    const int64_t lost = s.kernel - 2 * params.padding;
    const Shape y{2, (s.height - lost) / 2 + 1, (s.width - lost) / 2 + 1, s.filters};
    const Activation f{Activation::Kind::tanh};  // smooth, and small filters keep it where it moves
    rows.push_back(
        {"conv2d", "conv2d", [=](HostRandom& r) {
           return Case{[=](const Inputs& in) { return conv2d(in[0], in[1], params, in[2], f); },
                       {random_tensor(x, r), (random_tensor(filter, r) * 0.1).detach(), random_tensor({s.filters}, r)},
                       {true, true, true}};
         }});
    rows.push_back(
        {"conv2d_input_grad", "conv2d", [=](HostRandom& r) {
           return Case{
               [=](const Inputs& in) { return conv2d_input_grad(in[0], in[1], params, s.height, s.width, in[2], f); },
               {random_tensor(y, r), (random_tensor(filter, r) * 0.1).detach(), random_tensor({s.channels}, r)},
               {true, true, true}};
         }});
  }
  return rows;
}

/// Batch norm of several chunks of rows and tiles of channels, read one by one and in packs; its mean is far from 0.
std::vector<OpRow> batch_norms() {
  std::vector<OpRow> rows;
  for (const Shape& x : {Shape{263, 37}, Shape{700, 40}, Shape{5, 300}}) {
    const Shape channels{x[1]};
    rows.push_back({"batch_norm", "norm", [=](HostRandom& r) {
                      return Case{
                          [](const Inputs& in) { return batch_norm(in[0], in[1], in[2]).y; },
                          {(random_tensor(x, r) + 5).detach(), random_tensor(channels, r), random_tensor(channels, r)},
                          {true, true, true}};
                    }});
  }
  return rows;
}

std::vector<OpRow> layer_norms() {
  return {
      {"layer_norm", "norm",
       [](HostRandom& r) {
         return Case{[](const Inputs& in) { return layer_norm(in[0], in[1], in[2]); },
                     {random_tensor({3, 700}, r), random_tensor({700}, r), random_tensor({700}, r)},
                     {true, true, true}};
       }},
      {"layer_norm", "norm",  // of more rows than there are chunks of the derivative, the last of them shorter
       [](HostRandom& r) {
         return Case{[](const Inputs& in) { return layer_norm(in[0], in[1], in[2]); },
                     {random_tensor({401, 37}, r), random_tensor({37}, r), random_tensor({37}, r)},
                     {true, true, true}};
       }},
      {"layer_norm", "norm",  // of rows that a block keeps in registers
       [](HostRandom& r) {
         return Case{[](const Inputs& in) { return layer_norm(in[0], in[1], in[2]); },
                     {random_tensor({2, 5004}, r), random_tensor({5004}, r), random_tensor({5004}, r)},
                     {true, true, true}};
       }},
  };
}

}  // namespace

const std::vector<OpRow>& large_cases() {
  static const std::vector<OpRow> table = [] {
    std::vector<OpRow> all;
    for (const auto& rows : {penalties(), reductions(), transpositions(), sorted_groups(), products(),
                             image_convolutions(), batch_norms(), layer_norms()}) {
      all.insert(all.end(), rows.begin(), rows.end());
    }
    return all;
  }();
  return table;
}

}  // namespace kantor::testing
