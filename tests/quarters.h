// Labelled images that a classifier can learn, for tests, in memory and as MNIST's four files.
#pragma once

#include "models/data/labelled.h"

namespace kantor {

/// Pictures of side x side in four classes: a bright quarter each, with noise.
LabelledImages quarters(int64_t count, uint64_t seed, int64_t side = 12);

/// 300 such for training and 100 held back, as IDX files.
void write_quarters(const std::filesystem::path& folder, int64_t side);

}  // namespace kantor
