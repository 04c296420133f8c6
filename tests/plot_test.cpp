// Plots: pixels where they belong.
#include "models/plot/plot.h"

#include "engine/error.h"
#include "tests/catch.h"

#include <algorithm>
#include <array>
#include <cmath>

using namespace kantor;

namespace {

std::array<int, 3> pixel(const Image& image, int x, int y) {
  const auto at = (static_cast<size_t>(y) * static_cast<size_t>(image.width) + static_cast<size_t>(x)) * 3;
  return {image.pixels[at], image.pixels[at + 1], image.pixels[at + 2]};
}

}  // namespace

TEST_CASE("plot: a grid of images, row by row, with gaps") {
  const Tensor images = from_host<float>({0, 0.5F, 1, 2}, {4, 1, 1, 1});
  const Image grid = image_grid(images, 0, 2);
  CHECK(grid.width == 2 * (2 + 2) + 2);
  CHECK(grid.height == grid.width);
  CHECK(grid.channels == 1);
  const auto at = [&](int x, int y) { return static_cast<int>(grid.pixels[static_cast<size_t>(y * grid.width + x)]); };
  CHECK(at(0, 0) == 128);
  CHECK(at(2, 2) == 0);
  CHECK(at(6, 3) == 128);
  CHECK(at(3, 6) == 255);
  CHECK(at(7, 7) == 255);
  CHECK(image_grid(zeros({3, 2, 2, 3}), 3, 1).channels == 3);
  CHECK_THROWS_AS(image_grid(zeros({3, 2, 2, 2})), ShapeError);
  CHECK_THROWS_AS(image_grid(zeros({0, 2, 2, 1})), ShapeError);
}

TEST_CASE("plot: a scatter plot has y up, data white and samples orange") {
  const Field field{-1, 1, 2, {0, 0, 0, 0}};
  const std::array<float, 2> data{0.5F, 0.5F}, sample{-0.5F, -0.5F};
  const Image image = scatter(field, data, sample, 100);
  CHECK(pixel(image, 75, 25) == std::array<int, 3>{255, 255, 255});
  CHECK(pixel(image, 25, 75)[0] > 230);
  CHECK(pixel(image, 25, 75)[2] < 80);
  CHECK(pixel(image, 75, 75) == pixel(image, 10, 10));
}

TEST_CASE("plot: level sets stand where the field crosses them") {
  Field field{-1, 1, 64, {}};
  for (int row = 0; row < 64; ++row) {
    for (int column = 0; column < 64; ++column)
      field.values.push_back(static_cast<float>(field_coordinate(field, column)));
  }
  const Image image = scatter(field, {}, {}, 240);
  CHECK(pixel(image, 5, 100) == pixel(image, 5, 200));  // the field depends on x alone
  CHECK(pixel(image, 5, 100) != pixel(image, 230, 100));
  int lines = 0;
  for (int x = 1; x + 1 < 240; ++x) {  // a line is lighter than both neighbours
    const auto sum = [&](int at) {
      return pixel(image, at, 50)[0] + pixel(image, at, 50)[1] + pixel(image, at, 50)[2];
    };
    if (sum(x) > sum(x - 1) + 60 && sum(x) > sum(x + 1) + 20) ++lines;
  }
  CHECK(lines == 11);  // between twelve bands
}

TEST_CASE("plot: points outside and NaN harm nothing") {
  const Field field{-1, 1, 2, {0, 1, 2, 3}};
  const std::array<float, 6> points{1e30F, 0, -1e30F, 5, std::nanf(""), 0};
  const Image image = scatter(field, points, points, 50);
  CHECK(image.pixels == scatter(field, {}, {}, 50).pixels);
  CHECK_THROWS_AS(scatter({-1, 1, 2, {0, 1}}, {}, {}, 50), ShapeError);
}
