// Data sets made from others: with noise, like a frozen generator, and in sequences.
#pragma once

#include "models/data/dataset.h"

namespace kantor {

/// `data` + N(0, deviation^2) on every value. Drawn with the same stream it is another sample of `data`, not a noisy
/// copy of the same one.
DatasetPtr with_noise(DatasetPtr data, double deviation);

/// Sequences [length, D] of independent samples of `data` [D]. Throws ShapeError for images and for a length below 1.
DatasetPtr sequences(DatasetPtr data, int64_t length);

}  // namespace kantor
