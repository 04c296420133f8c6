// Each sample votes for its nearest mode.
#include "models/metrics/mixture.h"

#include "engine/error.h"

#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace kantor {

MixtureScore score_mixture(std::span<const float> samples, const Mixture& mixture) {
  if (samples.empty() || samples.size() % 2 != 0 || mixture.modes() < 1)
    throw ShapeError(
        fmt::format("mixture score of {} values against {} modes: expected points (x, y) and at least one mode",
                    samples.size(), mixture.modes()));
  const auto modes = static_cast<size_t>(mixture.modes());
  MixtureScore score{.mode_count = mixture.modes(), .counts = std::vector<int64_t>(modes)};
  std::vector<bool> captured(modes);
  const double reach = 9 * mixture.sigma * mixture.sigma;
  int64_t good = 0;
  for (size_t i = 0; i < samples.size(); i += 2) {
    const double x = samples[i], y = samples[i + 1];
    if (!std::isfinite(x) || !std::isfinite(y))
      throw NonFiniteError(fmt::format("mixture score: point {} is ({}, {}), expected finite numbers", i / 2, x, y));
    size_t nearest = 0;
    double least = std::numeric_limits<double>::infinity();
    for (size_t m = 0; m < modes; ++m) {
      const double dx = x - mixture.centres[2 * m], dy = y - mixture.centres[2 * m + 1];
      if (dx * dx + dy * dy < least) least = dx * dx + dy * dy, nearest = m;
    }
    ++score.counts[nearest];
    if (least <= reach) captured[nearest] = true, ++good;
  }
  const double n = static_cast<double>(samples.size() / 2);
  score.high_quality = static_cast<double>(good) / n;
  for (size_t m = 0; m < modes; ++m) {
    score.modes += captured[m];
    const double share = static_cast<double>(score.counts[m]) / n;
    if (share > 0) score.reverse_kl += share * std::log(share * static_cast<double>(modes));
  }
  return score;
}

}  // namespace kantor
