// The versions of the ladder's kernels, counted by the simulator: launches, sectors of global memory and passes over
// shared memory, for `kantor_traffic --ladder` and the test that counts the committed figures again.
#pragma once

#include "kernels/ladder/ladder.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kantor::testing {

/// {"name", "launches": [{"launches", "blocks", "threads", "shared"}] by shape, "global" and "shared": {"read",
/// "write", "atomic": {"accesses" (of warps), "bytes", "taken", "fewest"}}, without what there is none of} for each
/// kernel that the version starts on these sizes, in order.
nlohmann::json ladder_counts(const ladder::Family& family, const ladder::Rung& rung, const ladder::Sizes& sizes);

/// A family whole: {"family", "formula", "size_names", "inputs", "outputs" (their names), "costs": [{"sizes", "bytes",
/// "flops"}] of its count sizes, "rungs":
/// [{"version", "text", "production", "follows", "file", "counts": [{"sizes", "kernels"}] on those that the version
/// takes, "samples": on the first of them, the first accesses of each instruction by its first warp:
/// [{"kernel", "file", "line", "space", "kind", "array" (its name), "block", "warp", "bytes", "lanes": [[lane,
/// offset]]}], as sim::traffic::Sample}]}. Throws KernelError for a name that there is not.
nlohmann::json ladder_family(const std::string& name);

/// The family's count sizes that a version takes.
std::vector<ladder::Sizes> counted_sizes(const ladder::Family& family, const ladder::Rung& rung);

}  // namespace kantor::testing
