// Modes captured, high-quality share and reverse KL of samples against a known mixture (PacGAN's measures, Lin et al.
// 2018).
#pragma once

#include "models/data/dataset.h"

#include <cstdint>
#include <span>
#include <vector>

namespace kantor {

/// How well samples cover the modes of a mixture.
struct MixtureScore {
  int modes = 0;                // with at least one sample within 3 sigma
  int mode_count = 0;           // that the data have
  double high_quality = 0;      // share of samples within 3 sigma of their nearest mode
  double reverse_kl = 0;        // KL of the histogram of nearest modes from the uniform one, nats
  std::vector<int64_t> counts;  // that histogram
};

/// `samples` are points x, y. Modes mean little alone: data plus unit noise captures all 8 too. Throws ShapeError for
/// no samples or no modes, NonFiniteError for a NaN or infinity.
MixtureScore score_mixture(std::span<const float> samples, const Mixture& mixture);

}  // namespace kantor
