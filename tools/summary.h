// A table of runs for the terminal.
#pragma once

#include <filesystem>
#include <vector>

namespace kantor {

/// Prints a line per run on stdout: W1 and its floor, modes, quality, estimate, gradient norm, saturation, time per
/// step.
void print_summary(const std::vector<std::filesystem::path>& run_folders);

}  // namespace kantor
