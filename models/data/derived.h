// Data sets made of others: with noise, as a generator that is held fixed, and in sequences.
#pragma once

#include "models/data/dataset.h"

namespace kantor {

/// `data` + N(0, deviation^2) on every value. Drawn with the same stream it is another sample of `data`, not a noisy
/// copy of the same one.
std::unique_ptr<Dataset> with_noise(DatasetRef data, double deviation);

/// Sequences [length, D] of independent samples of `data` [D]. Throws ShapeError for images and for a length below 1.
std::unique_ptr<Dataset> sequences(DatasetRef data, int64_t length);

}  // namespace kantor
