// A critic's loss landscape, measured: its whole loss along random directions of its weights, and the ends of its
// Hessian's spectrum as the training goes on.
#pragma once

#include "engine/device.h"

#include <array>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>

namespace kantor::slow {

constexpr double landscape_tolerance = 1e-3;  // of an eigenvalue: its residual over it
constexpr double landscape_reach = 0.5;       // of a direction both ways, in lengths of the critic's own filters
constexpr std::array<const char*, 3> landscape_evaluations{"start", "middle", "end"};

/// Trains a critic alone for settings["critic_steps"] and measures its landscape on a fixed batch, as
/// settings["landscape"] says: "samples", "directions", "points" of each (odd), "resolution" of the plane, "products"
/// at most. The plane goes into `folder` as landscape.png. Throws ConfigError.
nlohmann::json measure_landscape(const nlohmann::json& settings, Device device, const std::filesystem::path& folder);

}  // namespace kantor::slow
