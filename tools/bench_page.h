// The page of `kantor bench report`: figures of benchmarks as one HTML file that opens from disk with no network.
#pragma once

#include <filesystem>
#include <vector>

namespace kantor {

/// Files of `kantor bench SUITE --json`, of bench/peers (compare.py, kernels.py), of `kantor bench ladder FAMILY
/// --json` and of bench/results/ladder, in the order of the page. Throws FileError for a file that is none of these, or
/// is damaged.
void write_bench_page(const std::vector<std::filesystem::path>& files, const std::filesystem::path& out);

}  // namespace kantor
