// The report: run folders as one HTML file that opens from disk with no network.
#pragma once

#include "models/ensemble/table.h"

#include <filesystem>
#include <vector>

namespace kantor {

/// Reads what docs/run-folder.md says of each folder; runs of one configuration name are shown side by side. Throws
/// FileError for a folder without a run.
void write_report(const std::vector<std::filesystem::path>& run_folders, const std::filesystem::path& out);

/// The same of a table that was read. Of many runs the page shows every row and cell, and figures of one run a cell.
void write_report(const RunTable& table, const std::vector<Cell>& cells, const std::filesystem::path& out);

}  // namespace kantor
