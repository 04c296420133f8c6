// The fused optimizer pass as a subject: update, clip and statistics of one arena.
#pragma once

#include "bench/harness.h"

#include <string>

namespace kantor {

/// `rule` of optimizer_names(), called `title` in its row. One update is compared with the rule's formula in double, in
/// up to a million weights spread over the arena, and the statistics with those of all weights.
Subject optimizer_subject(const std::string& title, const std::string& rule, int64_t size, Device device);

}  // namespace kantor
