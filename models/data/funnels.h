// Funnels: pairs of distributions (P, Q) whose Wasserstein-1 distance and optimal critic are known (Korotin, Kolesov
// and Burnaev, "Kantorovich Strikes Back!", NeurIPS 2022). The potential is u(x) = min_n(|x - a_n| + b_n), with centres
// a_n and offsets b_n. Q is uniform on the box [-2.5, 2.5]^D. P is Q moved along the rays of u: y lies on the ray from
// the centre a of its own funnel (the n of the minimum) through y, which ends at e, at the box's wall or where another
// funnel takes over; with t = |y - a| / |e - a| it moves to x = a + t^8 (e - a). An optimal critic is f = -u, high on
// P, so that W1(P, Q) = E_Q u - E_P u = E|x - y|.
#pragma once

#include "models/data/dataset.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace kantor {

class Funnels {
 public:
  /// `centres` [N, D] row by row, `offsets` [N]. Throws ShapeError for sizes that do not fit each other or are 0,
  /// NonFiniteError.
  Funnels(std::vector<double> centres, std::vector<double> offsets);

  [[nodiscard]] int64_t dimensions() const { return static_cast<int64_t>(dimensions_); }
  [[nodiscard]] int64_t count() const { return static_cast<int64_t>(offsets_.size()); }
  [[nodiscard]] const std::vector<double>& centres() const { return centres_; }
  [[nodiscard]] const std::vector<double>& offsets() const { return offsets_; }

  /// u at a point of D values.
  [[nodiscard]] double potential(std::span<const double> x) const;
  /// The optimal critic's gradient, -(x - a)/|x - a|, into `gradient`; 0 at a centre. A point of Q and what it is moved
  /// to have the same one: take it at the point of Q, as P lies so near the centres that float32 loses the direction.
  void critic_gradient(std::span<const double> x, std::span<double> gradient) const;
  /// Writes into `x` the point that `y`, a point of the box, is moved to.
  void transport(std::span<const double> y, std::span<double> x) const;

  /// Points of Q into `q` and what they are moved to into `p`, each [count, D]; either may be null. Point k depends on
  /// (seed, stream, step, k) only.
  void draw(uint64_t seed, uint32_t stream, uint64_t step, int64_t count, float* p, float* q) const;

 private:
  [[nodiscard]] std::span<const double> centre(size_t n) const;
  [[nodiscard]] size_t funnel_of(std::span<const double> x) const;
  [[nodiscard]] double ray_length(size_t n, std::span<const double> direction, double at) const;

  std::vector<double> centres_, offsets_;
  size_t dimensions_ = 0;
};

/// W1 of a pair, and the standard error of this mean.
struct FunnelDistance {
  double w1 = 0, standard_error = 0;
};
/// The mean of |x - y| over `samples` pairs by Monte Carlo, in double. Depends only on its arguments. Throws
/// ShapeError for fewer than 2 samples.
FunnelDistance funnel_distance(const Funnels& funnels, int64_t samples, uint64_t seed = 0);

/// A pair like the published ones: centres uniform in the box, offsets normal with deviation 0.1. A funnel
/// may lie wholly under another; it then has no points. Throws ShapeError for sizes below 1 or above 2^24 values.
Funnels make_funnels(int64_t dimensions, int64_t count, uint64_t seed);

/// A folder with centers.npy [N, D] and offsets.npy [N], as the published pairs are stored. Throws FileError naming the
/// file, what was found and what was expected.
Funnels read_funnels(const std::filesystem::path& folder);
/// The same as float64; makes the folder where it is missing. Throws FileError.
void write_funnels(const std::filesystem::path& folder, const Funnels& funnels);

/// P and Q as data sets of D values a sample.
DatasetPtr funnels_p(Funnels funnels);
DatasetPtr funnels_q(Funnels funnels);

}  // namespace kantor
