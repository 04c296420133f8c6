#include "models/metrics/frechet.h"

#include "engine/error.h"

#include <Eigen/Dense>
#include <fmt/format.h>

namespace kantor {
namespace {

struct Gaussian {
  Eigen::VectorXd mean;
  Eigen::MatrixXd covariance;
};

Gaussian fit(std::span<const float> values, int64_t dimensions) {
  if (dimensions < 1 || values.size() % static_cast<size_t>(dimensions) != 0 ||
      values.size() < 2 * static_cast<size_t>(dimensions)) {
    throw ShapeError(fmt::format("Fréchet distance of {} values in rows of {}: expected at least two whole rows",
                                 values.size(), dimensions));
  }
  using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto rows = static_cast<Eigen::Index>(values.size()) / dimensions;
  Eigen::MatrixXd x = Eigen::Map<const Rows>(values.data(), rows, dimensions).cast<double>();
  if (!x.allFinite()) throw NonFiniteError("Fréchet distance: a feature is NaN or infinite");
  const Eigen::VectorXd mean = x.colwise().mean();
  x.rowwise() -= mean.transpose();
  return {mean, x.transpose() * x / static_cast<double>(rows - 1)};
}

/// Square root of a positive semidefinite matrix; small negative eigenvalues that come from rounding count as 0.
Eigen::MatrixXd root(const Eigen::MatrixXd& matrix) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(matrix);
  const Eigen::VectorXd roots = solver.eigenvalues().cwiseMax(0).cwiseSqrt();
  return solver.eigenvectors() * roots.asDiagonal() * solver.eigenvectors().transpose();
}

}  // namespace

double frechet_distance(std::span<const float> a, std::span<const float> b, int64_t dimensions) {
  const Gaussian p = fit(a, dimensions), q = fit(b, dimensions);
  const Eigen::MatrixXd half = root(p.covariance);
  const double cross = root(half * q.covariance * half).trace();
  return (p.mean - q.mean).squaredNorm() + p.covariance.trace() + q.covariance.trace() - 2 * cross;
}

}  // namespace kantor
