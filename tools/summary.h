// Tables of runs for the terminal.
#pragma once

#include "models/ensemble/table.h"

#include <vector>

namespace kantor {

/// Prints on stdout a line per run, unless there are many: W1 and its floor, modes, quality, estimate, gradient norm,
/// saturation, time per step. Where runs differ in more than their constraint, a line per cell follows: medians over
/// its seeds, and the mean of W1 with its 95 % interval.
void print_summary(const RunTable& table, const std::vector<Cell>& cells);

}  // namespace kantor
