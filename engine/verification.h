// The self-check of the tile engine: a kernel that is new on a GPU is compared there with its predecessor before it is
// used. It runs once a card and build, takes seconds, and is remembered.
#pragma once

#include "engine/device.h"
#include "kernels/products/products.h"

#include <array>
#include <filesystem>
#include <functional>
#include <string>

namespace kantor {

/// The launchers that are checked.
struct TileLaunchers {
  std::function<void(const GemmCall&, const ProductPlan&, const SplitMemory&)> gemm;
  std::function<void(const ConvCall&, const ProductPlan&, const SplitMemory&)> conv2d;
};
TileLaunchers tile_launchers(Device device);

/// Compares every compiled kernel of this arithmetic, whole and split, with the kernels before the tile engine, over
/// ragged shapes and numbers that are not finite. Returns "", or the first difference.
std::string check_tiles(Device device, Arithmetic arithmetic, const TileLaunchers& launchers);

/// What is known of one card and build: a line for each arithmetic, "" where it has passed.
using Findings = std::array<std::string, 4>;

/// The findings that `file` remembers under `key`, or those of `check`, which it then remembers; `anew`: of `check` in
/// any case. The lines of other keys are kept. A check that did not come to its end is remembered as failed: the
/// program died in it.
Findings remembered(const std::filesystem::path& file, const std::string& key, const std::function<Findings()>& check,
                    bool anew = false);

/// The findings for a device. On `cuda` the first call in a process asks the user's cache ($XDG_CACHE_HOME/kantor, else
/// ~/.cache/kantor), and checks where that knows nothing. `sim` is checked by the tests of the project.
const Findings& findings(Device device);
/// Checks anew, and remembers.
Findings verify(Device device);

/// Whether the tile engine may be used for this arithmetic.
bool verified(Device device, Arithmetic arithmetic);

}  // namespace kantor
