// Pictures of a training: a grid of images, or the plane with the critic's level sets and the samples.
#pragma once

#include "models/files/png.h"
#include "models/training/trainer.h"

#include <functional>
#include <span>
#include <vector>

namespace kantor {

/// The generator's current samples, from the same noise at every step, so that pictures can be compared.
Image draw_samples(const Trainer& trainer, const Dataset& data);

/// A function of the plane, values at points x, y: its colours and level sets on a square that holds `real` with a
/// margin, under two sets of points.
using PlaneFunction = std::function<std::vector<float>(std::span<const float> points)>;
Image draw_plane(const PlaneFunction& function, std::span<const float> real, std::span<const float> fake);
/// The same for a critic.
Image draw_plane(const Network& critic, std::span<const float> real, std::span<const float> fake);

}  // namespace kantor
