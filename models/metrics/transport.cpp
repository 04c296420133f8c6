// The network simplex on the complete bipartite graph, restricted to alternating bases (Barr, Glover and Klingman
// 1977): every point of b hangs on the point of a that it is matched with, and every point of a but the root hangs on a
// point of b. Such a basis is a tree of pairs, a pivot re-hangs one subtree, and no sequence of pivots cycles. Costs
// are computed row by row as they are looked at, so that no matrix is kept.
#include "models/metrics/transport.h"

#include "engine/error.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <numeric>

namespace kantor {
namespace {

using Row = Eigen::ArrayXd;

/// Sums of 2n costs stay below 2^53, so that potentials are exact: no pivot is taken for a rounding error.
constexpr double largest_cost = 0x1p36;
constexpr int64_t most_points = 32768;
/// Above this many dimensions a row is expensive enough to be kept, up to this many points.
constexpr int64_t cheap_dimensions = 4, kept_points = 4096;

/// Distances as integers in doubles, a row of n at a time.
class Costs {
 public:
  Costs(std::span<const float> a, std::span<const float> b, int64_t dimensions)
      : n_(static_cast<int64_t>(a.size()) / dimensions), dimensions_(dimensions), a_(a), b_(n_, dimensions) {
    for (int64_t j = 0; j < n_; ++j) {
      for (int64_t d = 0; d < dimensions; ++d) b_(j, d) = double{b[static_cast<size_t>(j * dimensions + d)]};
    }
    Row row(n_);
    for (int64_t i = 0; i < n_; ++i) {
      distances(i, row);
      largest_ = std::max(largest_, row.maxCoeff());
    }
    if (largest_ == 0 || dimensions <= cheap_dimensions || n_ > kept_points) return;
    Eigen::ArrayXXd rows(n_, n_);
    for (int64_t i = 0; i < n_; ++i) {
      compute(i, row);
      rows.col(i) = row;
    }
    kept_ = std::move(rows);
  }

  [[nodiscard]] int64_t count() const { return n_; }
  [[nodiscard]] double largest_distance() const { return largest_; }
  /// Distances of point i of a from all of b.
  void distances(int64_t i, Row& out) const {
    const float* point = a_.data() + i * dimensions_;
    out = (b_.col(0) - double{point[0]}).square();
    for (int64_t d = 1; d < dimensions_; ++d) out += (b_.col(d) - double{point[d]}).square();
    out = out.sqrt();
  }
  /// Costs of the same arcs.
  void row(int64_t i, Row& out) const {
    if (kept_.size() > 0) {
      out = kept_.col(i);
    } else {
      compute(i, out);
    }
  }

 private:
  void compute(int64_t i, Row& out) const {
    distances(i, out);
    out = (out * (largest_cost / largest_)).round();
  }

  int64_t n_, dimensions_;
  std::span<const float> a_;
  Eigen::ArrayXXd b_;  // one column per dimension
  double largest_ = 0;
  Eigen::ArrayXXd kept_;  // one column per point of a; empty if rows are computed
};

/// The basis and its potentials: u of a, v of b, u + v = cost on every arc of the tree.
class AlternatingBasis {
 public:
  explicit AlternatingBasis(const Costs& costs)
      : costs_(costs),
        n_(static_cast<size_t>(costs.count())),
        u_(costs.count()),
        v_(costs.count()),
        row_(costs.count()),
        match_(n_),
        owner_(n_),
        parent_(n_, none),
        first_child_(n_, none),
        next_(n_, none),
        previous_(n_, none) {
    start();
  }

  /// Pivots on each row's most negative arc, row by row, until no row has one.
  void solve() {
    size_t i = 0;
    for (size_t clean = 0; clean < n_; i = i + 1 == n_ ? 0 : i + 1) {
      costs_.row(static_cast<int64_t>(i), row_);
      row_ -= v_;
      Eigen::Index j = 0;
      const double reduced = row_.minCoeff(&j) - u_[static_cast<Eigen::Index>(i)];
      if (reduced < 0) {
        pivot(i, static_cast<size_t>(j), reduced);
        clean = 0;
      } else {
        ++clean;
      }
    }
  }
  [[nodiscard]] size_t match(size_t i) const { return match_[i]; }

 private:
  static constexpr size_t none = SIZE_MAX;

  /// Matches each point with the nearest free one; then all other points of a hang under the first one's match.
  void start() {
    Row taken = Row::Zero(static_cast<Eigen::Index>(n_)), first(static_cast<Eigen::Index>(n_));
    std::vector<double> cost(n_), to_first(n_);
    for (size_t i = 0; i < n_; ++i) {
      costs_.row(static_cast<int64_t>(i), row_);
      if (i == 0) first = row_;
      Eigen::Index j = 0;
      (row_ + taken).minCoeff(&j);
      taken[j] = std::numeric_limits<double>::infinity();
      match_[i] = static_cast<size_t>(j);
      owner_[match_[i]] = i;
      cost[i] = row_[j];
      to_first[i] = row_[static_cast<Eigen::Index>(match_[0])];
    }
    u(0) = 0;
    v(match_[0]) = cost[0];
    for (size_t i = 1; i < n_; ++i) {
      hang(i, match_[0]);
      u(i) = to_first[i] - v(match_[0]);
      v(match_[i]) = cost[i] - u(i);
    }
  }

  /// Hangs point i of a under point j of b.
  void hang(size_t i, size_t j) {
    parent_[i] = j;
    previous_[i] = none;
    next_[i] = first_child_[j];
    if (next_[i] != none) previous_[next_[i]] = i;
    first_child_[j] = i;
  }
  void unhang(size_t i) {
    (previous_[i] != none ? next_[previous_[i]] : first_child_[parent_[i]]) = next_[i];
    if (next_[i] != none) previous_[next_[i]] = previous_[i];
  }

  /// Shifts the potentials of the subtree under point j of b: u rises, v falls.
  void shift(size_t j, double delta) {
    stack_.assign(1, j);
    while (!stack_.empty()) {
      const size_t top = stack_.back();
      stack_.pop_back();
      v(top) -= delta;
      for (size_t i = first_child_[top]; i != none; i = next_[i]) {
        u(i) += delta;
        stack_.push_back(match_[i]);
      }
    }
  }

  /// Brings the arc from i to j, of negative reduced cost, into the basis.
  void pivot(size_t i, size_t j, double reduced) {
    size_t above = owner_[j];
    while (above != i && parent_[above] != none) above = owner_[parent_[above]];
    if (above != i) {  // i is not above j: it moves there with its subtree, and no match changes
      unhang(i);
      hang(i, j);
      u(i) += reduced;
      shift(match_[i], reduced);
      return;
    }
    // The pairs from j up to i: each takes the partner of the one above it, i takes j, and their order turns round.
    const size_t end = match_[i];
    shift(end, -reduced);
    size_t mover = owner_[j], below = j;
    match_[i] = j;
    owner_[j] = i;
    for (;;) {
      const size_t partner = parent_[mover], next_mover = owner_[partner];
      unhang(mover);
      hang(mover, below);
      match_[mover] = partner;
      owner_[partner] = mover;
      if (partner == end) return;
      below = partner;
      mover = next_mover;
    }
  }

  double& u(size_t i) { return u_[static_cast<Eigen::Index>(i)]; }
  double& v(size_t j) { return v_[static_cast<Eigen::Index>(j)]; }

  const Costs& costs_;
  size_t n_;
  Row u_, v_, row_;
  std::vector<size_t> match_, owner_;                           // of a in b, and back
  std::vector<size_t> parent_, first_child_, next_, previous_;  // of a: b above, siblings; of b: a's below
  std::vector<size_t> stack_;
};

}  // namespace

Transport solve_transport(std::span<const float> a, std::span<const float> b, int64_t dimensions) {
  const int64_t n = static_cast<int64_t>(a.size()) / dimensions;
  if (n > most_points) {
    throw ShapeError(
        fmt::format("exact W1 of {} points: expected at most {}; use fewer, or the sliced W1", n, most_points));
  }
  const Costs costs(a, b, dimensions);
  Transport result{0, std::vector<int64_t>(static_cast<size_t>(n))};
  if (costs.largest_distance() == 0) {
    std::iota(result.match.begin(), result.match.end(), int64_t{0});
    return result;
  }
  AlternatingBasis basis(costs);
  basis.solve();
  Row row(n);
  for (int64_t i = 0; i < n; ++i) {
    const size_t j = basis.match(static_cast<size_t>(i));
    result.match[static_cast<size_t>(i)] = static_cast<int64_t>(j);
    costs.distances(i, row);
    result.distance += row[static_cast<Eigen::Index>(j)];
  }
  result.distance /= static_cast<double>(n);
  return result;
}

}  // namespace kantor
