// Pictures of a training: a grid of images, or the plane with the critic's level sets and the samples.
#pragma once

#include "models/files/files.h"
#include "models/training/trainer.h"

#include <span>

namespace kantor {

/// What the generator makes now; the same noise at every step, so that pictures can be compared.
Image draw_samples(const Trainer& trainer, const Dataset& data);

/// A critic of the plane: its colours and level sets on a square that holds `real` with a margin, under points x, y.
Image draw_plane(const Network& critic, std::span<const float> real, std::span<const float> fake);

}  // namespace kantor
