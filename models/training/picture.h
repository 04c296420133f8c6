// Pictures of a training: a grid of images, or the plane with the critic's level sets and the samples.
#pragma once

#include "models/files/files.h"
#include "models/training/trainer.h"

namespace kantor {

/// What the generator makes now; the same noise at every step, so that pictures can be compared.
Image draw_samples(const Trainer& trainer, const Dataset& data);

}  // namespace kantor
