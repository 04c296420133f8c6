// The report: run folders as one HTML file that opens from disk with no network.
#pragma once

#include <filesystem>
#include <vector>

namespace kantor {

/// Reads what docs/run-folder.md says of each folder; runs of one configuration name are shown side by side. Throws
/// FileError for a folder without a run.
void write_report(const std::vector<std::filesystem::path>& run_folders, const std::filesystem::path& out);

}  // namespace kantor
