// Fréchet distance between two samples of features, each taken as a Gaussian (Dowson and Landau 1982; Heusel et al.
// 2017 use it on a classifier's features). Never called FID here: that names one network on one data set.
#pragma once

#include <cstdint>
#include <span>

namespace kantor {

/// |m - n|^2 + tr(S + T - 2 (S^1/2 T S^1/2)^1/2), with means m, n and covariances S, T (divided by the count less one)
/// of the rows of a and b, `dimensions` values each. Throws ShapeError for fewer than two rows or ragged ones,
/// NonFiniteError for a NaN or infinity.
double frechet_distance(std::span<const float> a, std::span<const float> b, int64_t dimensions);

}  // namespace kantor
