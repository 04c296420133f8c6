// The table of ops: one row per op of engine/ops.h. It drives shapes, first and second derivatives, float32 against
// float64, and threads. A class of ops, or a function of ops.h, without a row fails the suite (op_table_test.cpp).
#pragma once

#include "tests/gradcheck.h"

#include <string>
#include <vector>

namespace kantor::testing {

struct OpRow {
  std::string name;                         // as declared in engine/ops.h
  std::string family;                       // one file of engine/ops
  std::function<Case(HostRandom&)> sample;  // random shapes and values, ragged and empty ones among them
  Function reference = {};                  // the same function in ordinary ops, for fused ones
};

const std::vector<OpRow>& op_table();

/// Rows beside the table, for the devices that run kernels: sizes that take a kernel's other paths (rows of a block,
/// several chunks, tiles and stretches), which the table's random shapes are too small for.
const std::vector<OpRow>& large_cases();

}  // namespace kantor::testing
