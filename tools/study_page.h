// The page of the studies: one section per study, which reads like a short paper.
#pragma once

#include <filesystem>

namespace kantor {

/// Writes OUT/report.html over every study with a result.json in OUT, in the order of the studies. Throws FileError for
/// a result that cannot be read.
void write_study_page(const std::filesystem::path& out);

}  // namespace kantor
