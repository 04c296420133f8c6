// Explain: recordings as text. Internal to the engine.
#pragma once

#include "engine/recording/recording.h"

#include <string>

namespace kantor {

/// A line a call: "12 linear t3 [256, 2], ... -> t4 [256, 128]". Temporaries are t1, t2 ..., constants
/// c1, c2 ..., tensors from outside x1, x2 ..., in the order of their first use; [begin] where a place does not begin
/// its buffer.
std::string list_of(const Recording& recording);
/// Both lists, with their lengths and the rewrites that are on.
std::string explain(const std::string& before, const std::string& after);

}  // namespace kantor
