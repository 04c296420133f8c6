// Ops that move elements: memory shared or copied, int64, rows by index, refusals, empty tensors.
#include "engine/autograd.h"
#include "engine/error.h"
#include "engine/ops.h"
#include "tests/catch.h"

#include <algorithm>
#include <numeric>

using namespace kantor;

namespace {

Tensor counting(const Shape& shape, DType dtype) {
  std::vector<double> values(static_cast<size_t>(shape.size()));
  std::iota(values.begin(), values.end(), 0.0);
  return from_host(values, shape, {dtype});
}

}  // namespace

TEST_CASE("shape: reshape and slices of axis 0 share memory, other slices copy") {
  const Tensor x = counting({4, 3}, DType::float32);
  CHECK(reshape(x, {3, 4}).view().data == x.view().data);
  CHECK(slice(x, 0, 1, 3).view().data == x.view().as<float>() + 3);
  CHECK(slice(reshape(slice(x, 0, 1, 3), {6}), 0, 2, 4).to_vector<double>() == std::vector<double>{5, 6});
  CHECK(slice(x, 1, 0, 3).view().data != x.view().data);
}

TEST_CASE("shape: every element type is moved whole") {
  for (const DType dtype : {DType::float32, DType::float64, DType::int64}) {
    INFO(to_string(dtype));
    const Tensor x = counting({2, 3}, dtype);
    CHECK(slice(x, 1, 1, 3).to_vector<double>() == std::vector<double>{1, 2, 4, 5});
    CHECK(transpose(x, {1, 0}).to_vector<double>() == std::vector<double>{0, 3, 1, 4, 2, 5});
    CHECK(slice(x, 0, 1, 2).to_vector<double>() == std::vector<double>{3, 4, 5});
    CHECK(reshape(x, {6}).to_vector<double>() == std::vector<double>{0, 1, 2, 3, 4, 5});
  }
}

// Sides below, at and above a tile and a block, in planes with other axes before, between and behind; runs of all
// lengths.
TEST_CASE("shape: a transposition moves each element to its place, whatever the extents and the order") {
  for (const Shape& shape : {Shape{}, Shape{5}, Shape{0, 3}, Shape{1, 7, 1}, Shape{15, 17}, Shape{16, 16}, Shape{2, 65},
                             Shape{129, 64}, Shape{40'000, 1}, Shape{3, 20'000}, Shape{2, 33, 40}, Shape{19, 2, 37},
                             Shape{3, 1, 16, 18}, Shape{2, 17, 3, 34}, Shape{2, 3, 2, 3, 2, 3}}) {
    const size_t rank = static_cast<size_t>(shape.rank());
    std::vector<int> order(rank);
    std::iota(order.begin(), order.end(), 0);
    do {
      std::vector<int64_t> extents, strides;
      for (const int axis : order) {
        extents.push_back(shape[axis]);
        strides.push_back(shape.size_from(axis + 1));
      }
      std::vector<double> expected;
      for (int64_t i = 0; i < shape.size(); ++i) {
        int64_t rest = i, at = 0;
        for (size_t axis = rank; axis-- > 0; rest /= extents[axis]) at += rest % extents[axis] * strides[axis];
        expected.push_back(static_cast<double>(at));
      }
      for (const DType dtype : {DType::float32, DType::float64, DType::int64}) {
        const Tensor y = transpose(counting(shape, dtype), order);
        CHECK(y.shape() == Shape(extents));
        CHECK(y.to_vector<double>() == expected);
      }
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

TEST_CASE("shape: rows by index, and added back in order") {
  const Tensor x = counting({3, 2}, DType::float64);
  const Tensor index = from_host(std::vector<int64_t>{2, 0, 2}, {3}, {DType::int64});
  CHECK(gather_rows(x, index).to_vector<double>() == std::vector<double>{4, 5, 0, 1, 4, 5});
  CHECK(scatter_add_rows(x, index, 4).to_vector<double>() == std::vector<double>{2, 3, 0, 0, 4, 6, 0, 0});
}

TEST_CASE("shape: an index outside the rows is refused by name") {
  const Tensor x = counting({3, 2}, DType::float32);
  for (const int64_t wrong : {int64_t{-1}, int64_t{3}}) {
    const Tensor index = from_host(std::vector<int64_t>{0, wrong}, {2}, {DType::int64});
    const std::string number = std::to_string(wrong);
    CHECK_THROWS_WITH(gather_rows(x, index), Contains("index " + number) && Contains("3 rows"));
    CHECK_THROWS_AS(scatter_add_rows(slice(x, 0, 0, 2), index, 3), ShapeError);
  }
  CHECK_THROWS_AS(gather_rows(x, counting({2}, DType::float32)), DTypeError);
}

TEST_CASE("shape: what does not fit is refused") {
  const Tensor x = counting({2, 3}, DType::float32);
  CHECK_THROWS_AS(reshape(x, {5}), ShapeError);
  CHECK_THROWS_AS(slice(x, 1, 2, 4), ShapeError);
  CHECK_THROWS_AS(slice(x, 2, 0, 1), ShapeError);
  CHECK_THROWS_AS(transpose(x, {0, 0}), ShapeError);
  CHECK_THROWS_AS(concat({x, counting({3, 2}, DType::float32)}, 0), ShapeError);
  CHECK_THROWS_AS(slice_backward(x, 0, 1, 2), ShapeError);
  CHECK_THROWS_AS(sum_to(x, {2, 2}), ShapeError);
  CHECK_THROWS_AS(add(x, counting({2}, DType::float32)), ShapeError);
  CHECK_THROWS_AS(add(x, counting({3}, DType::float64)), DTypeError);
  CHECK_THROWS_AS(exp(counting({3}, DType::int64)), DTypeError);
  CHECK_THROWS_AS(concat({}), ShapeError);
}

TEST_CASE("shape: empty tensors pass through") {
  const Tensor none = zeros({0, 3}), row = ones({3});
  CHECK(add(none, row).shape() == Shape{0, 3});
  CHECK(bias_activate(none, row, {}).shape() == Shape{0, 3});
  CHECK(sum(none, {0}).to_vector<double>() == std::vector<double>{0, 0, 0});
  CHECK(sum(none).item() == 0);
  CHECK(sum(none, {1}).shape() == Shape{0});
  CHECK(row_norm(none).shape() == Shape{0});
  CHECK(row_norm(zeros({2, 0})).to_vector<double>() == std::vector<double>{0, 0});
  CHECK(transpose(none, {1, 0}).shape() == Shape{3, 0});
  CHECK(concat({none, ones({1, 3}), none}).to_vector<double>() == std::vector<double>{1, 1, 1});
  CHECK(slice_backward(none, 0, 1, 2).to_vector<double>() == std::vector<double>(6, 0.0));
  CHECK(gather_rows(row, zeros({0}, {DType::int64})).shape() == Shape{0});
  CHECK(scatter_add_rows(none, zeros({0}, {DType::int64}), 2).to_vector<double>() == std::vector<double>(6, 0.0));
  const auto g = grad(sum(add(none, row)), {none, row});
  CHECK(g[1].to_vector<double>() == std::vector<double>{0, 0, 0});
  CHECK_THROWS_AS(mean(none), ShapeError);
}

TEST_CASE("tensor: its values as text, with what lies in the middle of long axes left out") {
  CHECK(format_values(full({}, 2.5)) == "2.5");
  CHECK(format_values(zeros({0})) == "[]");
  CHECK(format_values(from_host(std::vector<float>{1, 2, 3, 4}, {2, 2})) == "[[1, 2],\n [3, 4]]");
  CHECK(format_values(from_host(std::vector<float>{0, 1, 2, 3, 4, 5, 6}, {7}), 4) == "[0, 1, ..., 5, 6]");
}

TEST_CASE("tensor: numbers on either side of an operator") {
  const Tensor x = from_host(std::vector<double>{1, 2, -4}, {3}, {DType::float64, {}});
  CHECK((3 + x).to_vector<double>() == std::vector<double>{4, 5, -1});
  CHECK((3 - x).to_vector<double>() == std::vector<double>{2, 1, 7});
  CHECK((2 * x).to_vector<double>() == std::vector<double>{2, 4, -8});
  CHECK((2 / x).to_vector<double>() == std::vector<double>{2, 1, -0.5});
  CHECK((x / 2).to_vector<double>() == std::vector<double>{0.5, 1, -2});
  CHECK(grad(sum(2 / x), {x})[0].to_vector<double>() == std::vector<double>{-2, -0.5, -0.125});
}
