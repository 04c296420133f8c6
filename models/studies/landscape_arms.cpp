#include "models/studies/landscape_arms.h"

#include "engine/op.h"
#include "models/metrics/histogram.h"
#include "models/metrics/landscape.h"
#include "models/plot/plot.h"
#include "models/studies/held.h"
#include "models/training/probe.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

namespace kantor {
namespace {

using nlohmann::json;

constexpr double tolerance = 1e-2;          // residual over eigenvalue: two digits are enough beside the seeds' spread
constexpr int passes = 20;                  // of spectral normalization's power iteration at new weights
constexpr uint32_t directions_from = 1000;  // random streams that no training draws from
constexpr std::array<const char*, 3> moments{"start", "middle", "end"};

struct Kind {
  std::string constraint;
  ArmText text;  // its name goes behind "landscape-"
  size_t family;
  double clip = 0;
};
/// Charts that hold more than four curves cannot be read; these belong together.
struct Family {
  std::string file, title;
};
const std::vector<Family> families{{"weights", "no constraint, and clipping"},
                                   {"penalties", "penalties towards norm 1"},
                                   {"zero-centred", "penalties towards norm 0"},
                                   {"layers", "layers that are Lipschitz"}};
const std::vector<Kind> kinds{{"none", {"none", "none", 6}, 0},
                              {"clip", {"clip-0.01", "c = 0.01", 0}, 0, 0.01},
                              {"clip", {"clip-0.1", "c = 0.1", 4}, 0, 0.1},
                              {"penalty", {"penalty", "penalty", 1}, 1},
                              {"one-sided", {"one-sided", "one-sided", 5}, 1},
                              {"dragan", {"dragan", "dragan", 2}, 1},
                              {"r1", {"r1", "r1", 1}, 2},
                              {"r2", {"r2", "r2", 5}, 2},
                              {"spectral", {"spectral", "spectral", 3}, 3},
                              {"weight-norm", {"weight-norm", "weight-norm", 2}, 3},
                              {"groupsort", {"groupsort", "groupsort", 6}, 3}};

std::string arm_of(const Kind& kind) {
  return "landscape-" + kind.text.name;
}

/// -1 to 1, the middle one exactly 0.
std::vector<double> steps_of(int64_t count) {
  std::vector<double> steps;
  for (int64_t i = 0; i < count; ++i) {
    steps.push_back(static_cast<double>(2 * i - (count - 1)) / static_cast<double>(count - 1));
  }
  return steps;
}

/// A trained critic's whole loss as a function of its weights, on one batch, in float64: a clipped critic's scores
/// differ in digits that float32 does not have.
class Landscape {
 public:
  Landscape(const Network& trained, const RunConfig& config, const ConstraintBatch& batch)
      : critic_(in_float64(trained)), constraint_(make_constraint(config.constraint)), batch_(batch) {
    constraint_->set_bounds(critic_);
  }
  [[nodiscard]] Network& critic() { return critic_; }
  /// Recorded: a penalty differentiates by its points.
  [[nodiscard]] Tensor loss() const {
    const RecordingScope on(true);
    settle();
    return critic_loss(critic_, *constraint_, batch_).loss;
  }
  [[nodiscard]] double estimate() const {
    const RecordingScope off(false);
    return critic_loss(critic_, *constraint_, batch_).wasserstein.item();
  }
  /// Standard deviation of the scores: the unit of this critic's losses, proportional to its unknown K. Unlike the
  /// estimate it is not near 0 by chance at the start.
  [[nodiscard]] double unit() const {
    const RecordingScope off(false);
    settle();
    const std::vector<double> scores = critic_(concat({batch_.real, batch_.fake})).to_vector<double>();
    return summarize(std::span<const double>(scores)).deviation;
  }
  [[nodiscard]] Curvature curvature(int most) const {
    return largest_curvature([&] { return loss(); }, critic_.parameters().tensors(), tolerance, most);
  }
  [[nodiscard]] double squared_norm() const { return sum(square(critic_.parameters().flat())).item(); }
  [[nodiscard]] bool bounded() const { return std::isfinite(critic_.parameters().rows().front().bound); }

  /// Share of the parameters that lie outside the box; `back` puts them on its faces.
  double outside(bool back) {
    int64_t beyond = 0;
    for (size_t i = 0; i < critic_.parameters().tensors().size(); ++i) {
      const Tensor& tensor = critic_.parameters().tensors()[i];
      const double bound = critic_.parameters().rows()[i].bound;
      std::vector<double> values = tensor.to_vector<double>();
      for (double& w : values) {
        if (std::abs(w) <= bound * (1 + 1e-6)) continue;  // c itself, rounded to float32
        ++beyond;
        w = std::copysign(bound, w);
      }
      if (back) tensor.assign(std::span<const double>(values));
    }
    return static_cast<double>(beyond) / static_cast<double>(critic_.parameters().parameter_count());
  }

 private:
  /// Spectral normalization's singular vectors belong to the weights they were iterated at.
  void settle() const {
    if (critic_.buffers().tensors().empty()) return;
    const RecordingScope off(false);
    const Tensor row = slice(batch_.real, 0, 0, 1);
    for (int pass = 0; pass < passes; ++pass) (void)critic_(row);
  }

  Network critic_;
  std::unique_ptr<Constraint> constraint_;
  ConstraintBatch batch_;
};

/// Loss minus loss at the centre over the unit, along each direction; the mean of the directions is kept, and the
/// lowest point of any.
void measure_slices(json& numbers, Landscape& landscape, int64_t seed, int64_t directions, int64_t points) {
  const std::vector<double> steps = steps_of(points);
  const double centre = landscape.loss().item(), unit = landscape.unit();
  const auto count = static_cast<size_t>(points);
  std::vector<double> mean(count), reached(count), beyond(count);
  double lowest = 0;
  for (int64_t k = 0; k < directions; ++k) {
    const auto direction = filter_normalized_direction(landscape.critic(), static_cast<uint64_t>(seed),
                                                       directions_from + static_cast<uint32_t>(k));
    const auto share = static_cast<double>(directions);
    const auto add = [&](std::vector<double>& to, const std::vector<double>& losses) {
      for (size_t i = 0; i < count; ++i) to[i] += (losses[i] - centre) / unit / share;
    };
    const auto losses =
        loss_on_plane(landscape.critic(), direction, {}, steps, [&] { return landscape.loss().item(); });
    add(mean, losses);
    lowest = std::min(lowest, (*std::min_element(losses.begin(), losses.end()) - centre) / unit);
    if (!landscape.bounded()) continue;
    std::vector<double> shares;
    add(reached, loss_on_plane(landscape.critic(), direction, {}, steps, [&] {
          shares.push_back(landscape.outside(true));
          return landscape.loss().item();
        }));
    for (size_t i = 0; i < count; ++i) beyond[i] += shares[i] / share;
  }
  numbers["slice"] = {{"x", steps}, {"y", mean}};
  numbers["lowest_on_slices"] = lowest;
  numbers["change_at_own_length"] = (mean.front() + mean.back()) / 2;
  if (!landscape.bounded()) return;
  numbers["reachable"] = {{"x", steps}, {"y", reached}};
  numbers["outside"] = {{"x", steps}, {"y", beyond}};
  numbers["outside_at_own_length"] = (beyond.front() + beyond.back()) / 2;
  numbers["points_outside"] =
      static_cast<double>(std::count_if(beyond.begin(), beyond.end(), [](double share) { return share > 0; })) /
      static_cast<double>(count);
}

/// The plane of two directions as a picture with level sets, the trained weights a dot in the middle.
void draw_landscape(json& numbers, Landscape& landscape, int64_t seed, int64_t resolution,
                    const std::filesystem::path& file) {
  const double centre = landscape.loss().item(), unit = landscape.unit();
  Field field{-1, 1, static_cast<int>(resolution), {}};
  std::vector<double> steps;
  for (int i = 0; i < field.resolution; ++i) steps.push_back(field_coordinate(field, i));
  const auto direction = [&](uint32_t k) {
    return filter_normalized_direction(landscape.critic(), static_cast<uint64_t>(seed), directions_from + k);
  };
  const auto losses =
      loss_on_plane(landscape.critic(), direction(0), direction(1), steps, [&] { return landscape.loss().item(); });
  for (size_t row = steps.size(); row-- > 0;) {  // a field's rows go down, the steps up
    for (size_t i = 0; i < steps.size(); ++i) {
      field.values.push_back(static_cast<float>((losses[row * steps.size() + i] - centre) / unit));
    }
  }
  const auto [low, high] = std::minmax_element(field.values.begin(), field.values.end());
  numbers["plane"] = {{"low", *low}, {"high", *high}};
  const std::array<float, 2> middle{0, 0};
  write_png(file, scatter(field, middle, {}));
}

}  // namespace

std::vector<Arm> landscape_arms(const StudySettings& s) {
  std::vector<Arm> arms;
  for (const Kind& kind : kinds) {
    json config{{"data.kind", "swissroll"},
                {"critic.constraint", kind.constraint},
                {"critic.width", s.pick(8, 64, 128)},
                {"train.batch", s.pick(16, 256, 256)}};
    if (kind.clip > 0) {
      config.update({{"clip.c", kind.clip},
                     {"critic.initialization", "box"},
                     {"critic.optimizer", "rmsprop"},
                     {"critic.learning_rate", 5e-4}});
    } else {
      config.update({{"critic.learning_rate", 1e-3}, {"critic.lambda", 10.0}});
    }
    arms.push_back({arm_of(kind),
                    config,
                    {{"critic_steps", s.pick(4, 400, 4000)},
                     {"landscape",
                      {{"samples", s.pick(16, 256, 1024)},
                       {"directions", s.pick(2, 4, 16)},
                       {"points", s.pick(5, 21, 41)},
                       {"resolution", s.pick(4, 15, 41)},
                       {"products", s.pick(4, 60, 200)}}}}});
  }
  return arms;
}

bool is_landscape(const json& settings) {
  return settings.contains("landscape");
}

json measure_landscape(const json& settings, Device device, const std::filesystem::path& folder) {
  const RunConfig config = config_of(settings);
  const json& set = settings.at("landscape");
  const auto whole = [&](const char* key) { return set.at(key).get<int64_t>(); };
  const HeldGenerator data(config.data);
  CriticTrainer trainer = data.trainer(config, device);

  constexpr TensorOptions wide{DType::float64, {}};
  const int64_t samples = whole("samples");
  const auto seed = static_cast<uint64_t>(config.seed);
  const Tensor zero = zeros({}, {DType::int64, {}});
  const ConstraintBatch batch{.real = HeldGenerator::draw(*data.real, config.seed, samples, wide),
                              .fake = HeldGenerator::draw(*data.fake, config.seed, samples, wide),
                              .eps = uniform({samples}, seed, stream_evaluation_eps, zero, DType::float64),
                              .noise = uniform({samples, 2}, seed, stream_evaluation_noise, zero, DType::float64)};

  const auto steps = settings.at("critic_steps").get<int64_t>();
  json numbers;
  double residual = 0;
  int products = 0, converged = 0;
  for (size_t i = 0; i < moments.size(); ++i) {
    while (trainer.steps_done() < static_cast<int64_t>(i) * steps / 2) trainer.step();
    const Landscape landscape(trainer.critic(), config, batch);
    const Curvature found = landscape.curvature(static_cast<int>(whole("products")));
    const double unit = landscape.unit();
    // What a move by the weights' own length changes in the loss, to second order and doubled, in units of the scores.
    // It is the same for s w in the place of w where the critic is homogeneous in its weights or, as under a
    // parametrization, does not depend on their size; the raw eigenvalue is not.
    const double scale = landscape.squared_norm() / unit;
    numbers[moments[i]] = {{"steps", trainer.steps_done()},
                           {"eigenvalue", found.eigenvalue},
                           {"lowest", found.lowest},
                           {"highest", found.highest},
                           {"residual", found.residual},
                           {"products", found.iterations},
                           {"estimate", landscape.estimate()},
                           {"unit", unit},
                           {"squared_norm", landscape.squared_norm()}};
    numbers[fmt::format("relative_{}", moments[i])] = std::abs(found.eigenvalue) * scale;
    const double share = found.eigenvalue != 0 ? found.residual / std::abs(found.eigenvalue) : 0;
    residual = std::max(residual, share);
    products += found.iterations;
    converged += share <= tolerance ? 1 : 0;
    numbers["eigenvalue"] = found.eigenvalue;
    numbers["log_relative"] = std::log10(std::abs(found.eigenvalue) * scale);
    numbers["downwards"] = found.highest > 0 ? -found.lowest / found.highest : std::nan("");
  }
  numbers["residual"] = residual;
  numbers["products"] = products;
  numbers["converged"] = converged;
  Landscape landscape(trainer.critic(), config, batch);
  measure_slices(numbers, landscape, config.seed, whole("directions"), whole("points"));
  draw_landscape(numbers, landscape, config.seed, whole("resolution"), folder / "landscape.png");
  return numbers;
}

void conclude_landscape(const std::vector<Outcome>&, const StudySettings&, Conclusion&) {}

}  // namespace kantor
