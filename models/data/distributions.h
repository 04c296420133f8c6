// Distributions that batches are drawn from.
#pragma once

#include "models/data/dataset.h"

#include <cstdint>

namespace kantor {

/// The toy distributions of Gulrajani et al. 2017 with the released code's scales (mixtures.cpp, swissroll.cpp).
DatasetPtr gaussians8();
DatasetPtr gaussians25();
DatasetPtr swissroll();
/// Noisy sines [T, 1] (sequences.cpp): sin(2 pi (f t + p)) + 0.1 N(0, 1), t = 0 ... length - 1, with f uniform in
/// [1/32, 1/8] and p in [0, 1), one of each a sequence. Throws ShapeError for a length below 1.
DatasetPtr sequences(int64_t length);

}  // namespace kantor
