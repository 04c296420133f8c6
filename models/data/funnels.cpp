// Funnels: the potential, its rays, and the draws of both distributions, in double; pair folders.
#include "models/data/funnels.h"

#include "engine/random.h"
#include "models/files/bytes.h"
#include "models/files/npy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace kantor {

namespace {

namespace fs = std::filesystem;

constexpr double wall = 2.5;    // the box is [-wall, wall]^D
constexpr int exponent = 8;     // of t along the ray, the published pairs' choice
constexpr double spread = 0.1;  // deviation of the offsets of pairs made here; the published ones look like it

/// Sum of term(d) over d < count, in lanes that do not wait for each other; the order is fixed.
template <class Term>
double sum(size_t count, const Term& term) {
  constexpr size_t lanes = 16;
  std::array<double, lanes> part{};
  size_t d = 0;
  for (; d + lanes <= count; d += lanes) {
    for (size_t lane = 0; lane < lanes; ++lane) part[lane] += term(d + lane);
  }
  double total = 0;
  for (const double value : part) total += value;
  for (; d < count; ++d) total += term(d);
  return total;
}

double distance(std::span<const double> x, std::span<const double> y) {
  const double *a = x.data(), *b = y.data();
  return std::sqrt(sum(x.size(), [&](size_t d) { return (a[d] - b[d]) * (a[d] - b[d]); }));
}

void draw_box(HostRandom& random, std::span<double> y) {
  for (double& value : y) value = wall * (2 * random.uniform() - 1);
}

float* store(std::span<const double> point, float* out) {
  for (const double value : point) *out++ = static_cast<float>(value);
  return out;
}

/// P or Q of a pair.
class FunnelSamples final : public Dataset {
 public:
  FunnelSamples(Funnels funnels, bool moved) : funnels_(std::move(funnels)), moved_(moved) {}

  std::string name() const override { return fmt::format("{} of {} funnels", moved_ ? "P" : "Q", funnels_.count()); }
  Shape sample_shape() const override { return {funnels_.dimensions()}; }
  void draw(uint64_t seed, uint32_t stream, uint64_t step, int64_t count, float* out) const override {
    funnels_.draw(seed, stream, step, count, moved_ ? out : nullptr, moved_ ? nullptr : out);
  }

 private:
  Funnels funnels_;
  bool moved_;
};

/// One array of a pair folder, all finite.
Tensor read_finite(const fs::path& path, int rank, std::string_view expected) {
  Tensor array = read_npy(path);
  if (array.rank() != rank || array.size() == 0) {
    refuse(path.string(), "array of shape {}, expected {}", to_string(array.shape()), expected);
  }
  const std::vector<double> values = array.to_vector<double>();
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      refuse(path.string(), "the value at {} is {}, expected finite numbers",
             index_text(array.shape(), static_cast<int64_t>(i)), values[i]);
    }
  }
  return array;
}

}  // namespace

Funnels::Funnels(std::vector<double> centres, std::vector<double> offsets)
    : centres_(std::move(centres)), offsets_(std::move(offsets)) {
  if (offsets_.empty() || centres_.empty() || centres_.size() % offsets_.size() != 0) {
    throw ShapeError(
        fmt::format("funnels with {} values of centres and {} offsets: expected at least one funnel, and "
                    "the same number of values for each centre",
                    centres_.size(), offsets_.size()));
  }
  dimensions_ = centres_.size() / offsets_.size();
  for (const auto* values : {&centres_, &offsets_}) {
    for (const double value : *values) {
      if (!std::isfinite(value)) {
        throw NonFiniteError(fmt::format("funnels: a centre or offset is {}, expected finite numbers", value));
      }
    }
  }
}

std::span<const double> Funnels::centre(size_t n) const {
  return std::span(centres_).subspan(n * dimensions_, dimensions_);
}

/// The index n of the minimum; the first one if several are equal.
size_t Funnels::funnel_of(std::span<const double> x) const {
  size_t nearest = 0;
  double least = std::numeric_limits<double>::infinity();
  for (size_t n = 0; n < offsets_.size(); ++n) {
    const double value = distance(x, centre(n)) + offsets_[n];
    if (value < least) least = value, nearest = n;
  }
  return nearest;
}

double Funnels::potential(std::span<const double> x) const {
  const size_t n = funnel_of(x);
  return distance(x, centre(n)) + offsets_[n];
}

void Funnels::critic_gradient(std::span<const double> x, std::span<double> gradient) const {
  const std::span<const double> a = centre(funnel_of(x));
  const double r = distance(x, a);
  for (size_t d = 0; d < dimensions_; ++d) gradient[d] = r > 0 ? (a[d] - x[d]) / r : 0;
}

/// |e - a| of the ray from centre n along a unit vector, at least `at`, where a point of funnel n lies on it.
double Funnels::ray_length(size_t n, std::span<const double> direction, double at) const {
  const std::span<const double> a = centre(n);
  double length = std::numeric_limits<double>::infinity();
  for (size_t d = 0; d < dimensions_; ++d) {
    if (direction[d] != 0) length = std::min(length, (std::copysign(wall, direction[d]) - a[d]) / direction[d]);
  }
  for (size_t m = 0; m < offsets_.size(); ++m) {
    // |s v - w| + b_m = s + b_n with w = a_m - a_n and c = b_n - b_m; squared, s = (w.w - c^2) / (2 (v.w + c)). Where
    // |w| <= |c|, one of the two lies under the other and they meet nowhere.
    const std::span<const double> other = centre(m);
    const double c = offsets_[n] - offsets_[m];
    const double *v = direction.data(), *from = a.data(), *to = other.data();
    const double along = sum(dimensions_, [&](size_t d) { return v[d] * (to[d] - from[d]); });
    const double squares = sum(dimensions_, [&](size_t d) { return (to[d] - from[d]) * (to[d] - from[d]); });
    if (squares > c * c && along + c > 0) length = std::min(length, (squares - c * c) / (2 * (along + c)));
  }
  return std::max(length, at);
}

void Funnels::transport(std::span<const double> y, std::span<double> x) const {
  const size_t n = funnel_of(y);
  const std::span<const double> a = centre(n);
  const double at = distance(y, a);
  std::copy(y.begin(), y.end(), x.begin());
  if (at == 0) return;
  for (size_t d = 0; d < dimensions_; ++d) x[d] = (y[d] - a[d]) / at;
  const double length = ray_length(n, x, at);
  const double moved = std::pow(at / length, exponent) * length;
  for (size_t d = 0; d < dimensions_; ++d) x[d] = a[d] + moved * x[d];
}

void Funnels::draw(uint64_t seed, uint32_t stream, uint64_t step, int64_t count, float* p, float* q) const {
  HostRandom random(seed, stream, step);
  std::vector<double> x(dimensions_), y(dimensions_);
  for (int64_t k = 0; k < count; ++k) {
    draw_box(random, y);
    if (q != nullptr) q = store(y, q);
    if (p == nullptr) continue;
    transport(y, x);
    p = store(x, p);
  }
}

FunnelDistance funnel_distance(const Funnels& funnels, int64_t samples, uint64_t seed) {
  if (samples < 2) throw ShapeError(fmt::format("W1 of funnels from {} samples: expected at least 2", samples));
  HostRandom random(seed, 0);
  const auto dimensions = static_cast<size_t>(funnels.dimensions());
  std::vector<double> x(dimensions), y(dimensions);
  double mean = 0, squares = 0;  // Welford's algorithm
  for (int64_t k = 1; k <= samples; ++k) {
    draw_box(random, y);
    funnels.transport(y, x);
    const double change = distance(x, y) - mean;
    mean += change / static_cast<double>(k);
    squares += change * (distance(x, y) - mean);
  }
  const auto n = static_cast<double>(samples);
  return {mean, std::sqrt(squares / (n - 1) / n)};
}

Funnels make_funnels(int64_t dimensions, int64_t count, uint64_t seed) {
  if (dimensions < 1 || count < 1 || dimensions > (1 << 24) / count) {
    throw ShapeError(fmt::format("{} funnels in {} dimensions: expected at least 1 of each, and at most 2^24 values",
                                 count, dimensions));
  }
  HostRandom random(seed, 0);
  std::vector<double> centres(static_cast<size_t>(dimensions * count)), offsets(static_cast<size_t>(count));
  draw_box(random, centres);
  for (double& offset : offsets) offset = spread * random.normal();
  return {std::move(centres), std::move(offsets)};
}

Funnels read_funnels(const fs::path& folder) {
  const Tensor centres = read_finite(folder / "centers.npy", 2, "centres [N, D] of at least one funnel");
  const Tensor offsets =
      read_finite(folder / "offsets.npy", 1, fmt::format("offsets [{}], one for each centre", centres.shape()[0]));
  if (offsets.size() != centres.shape()[0]) {
    refuse((folder / "offsets.npy").string(), "{} offsets, expected {}, one for each centre of centers.npy",
           offsets.size(), centres.shape()[0]);
  }
  return {centres.to_vector<double>(), offsets.to_vector<double>()};
}

void write_funnels(const fs::path& folder, const Funnels& funnels) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw FileError(fmt::format("cannot make {}: {}", folder.string(), error.message()));
  const TensorOptions options{DType::float64, {}};
  write_npy(folder / "centers.npy", from_host(funnels.centres(), {funnels.count(), funnels.dimensions()}, options));
  write_npy(folder / "offsets.npy", from_host(funnels.offsets(), {funnels.count()}, options));
}

DatasetPtr funnels_p(Funnels funnels) {
  return std::make_shared<const FunnelSamples>(std::move(funnels), true);
}

DatasetPtr funnels_q(Funnels funnels) {
  return std::make_shared<const FunnelSamples>(std::move(funnels), false);
}

}  // namespace kantor
