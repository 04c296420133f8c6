// Plots: image grids, and scatter plots of the plane over a scalar field with its level sets.
#pragma once

#include "engine/tensor.h"
#include "models/files/files.h"

#include <span>
#include <vector>

namespace kantor {

/// Images [B, H, W, C] in [0, 1] side by side, `columns` in a row (0: as square as it goes), each pixel `zoom` wide.
Image image_grid(const Tensor& images, int columns = 0, int zoom = 2);

/// Values of a function on a square grid over [low, high]^2, rows from the top (largest y) down.
struct Field {
  double low = -1, high = 1;
  int resolution = 0;
  std::vector<float> values;
};
/// x of column i, y of row j: the centres of the cells.
double field_coordinate(const Field& field, int index);

/// The field's colours and level sets under two sets of points x, y: the data in white, the samples in orange.
Image scatter(const Field& field, std::span<const float> data, std::span<const float> samples, int size = 512);

}  // namespace kantor
