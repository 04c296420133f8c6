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

/// The kernels of an arithmetic: those of warpgroups (wgmma), which few GPUs run, or all others.
struct TileKernels {
  Arithmetic arithmetic;
  bool warpgroups = false;
};
inline constexpr std::array<TileKernels, 6> all_tile_kernels = {{{Arithmetic::float32},
                                                                 {Arithmetic::three_tf32},
                                                                 {Arithmetic::tf32},
                                                                 {Arithmetic::bf16},
                                                                 {Arithmetic::tf32, true},
                                                                 {Arithmetic::bf16, true}}};
/// "TF32", "TF32 by warpgroups".
std::string name_of(const TileKernels& kernels);
/// "", or why the device has none of them.
std::string why_absent(Device device, const TileKernels& kernels);

/// Compares each of these kernels, whole and split, with the kernels before the tile engine, over ragged shapes and
/// numbers that are not finite. Returns "", or the first difference.
std::string check_tiles(Device device, const TileKernels& kernels, const TileLaunchers& launchers);

/// What is known of one card and build: a line for each of all_tile_kernels, "" where it has passed or is absent.
using Findings = std::array<std::string, all_tile_kernels.size()>;

/// The findings that `file` remembers under `key`, or those of `check`, called for each of all_tile_kernels, which it
/// then remembers; `anew`: of `check` in any case. The lines of other keys are kept. A check that did not come to its
/// end is remembered as failed, and those after it are: the program died in it.
Findings remembered(const std::filesystem::path& file, const std::string& key,
                    const std::function<std::string(const TileKernels&)>& check, bool anew = false);

/// The finding of another check, "" where it has passed, which `file` remembers under `key` as above. What the check
/// throws is a finding too.
std::string remembered_finding(const std::filesystem::path& file, const std::string& key,
                               const std::function<std::string()>& check, bool anew = false);
/// The same of a device, under `name`: remembered in the user's cache, or, on `sim`, until the program ends.
std::string remembered_finding(Device device, const std::string& name, const std::function<std::string()>& check,
                               bool anew = false);

/// The findings for a device. On `cuda` the first call in a process asks the user's cache ($XDG_CACHE_HOME/kantor, else
/// ~/.cache/kantor), and checks where that knows nothing. `sim` is checked by the tests of the project.
const Findings& findings(Device device);
/// Checks anew, and remembers.
Findings verify(Device device);

/// Whether these kernels may be used: they are there, and have passed.
bool verified(Device device, const TileKernels& kernels);

}  // namespace kantor
