// Result files: what `kantor bench SUITE --json FILE` writes, read back and checked.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace kantor {

/// The schema of result files. The version grows when a reader of the old one would misread the new one.
inline constexpr std::string_view result_schema = "kantor-bench";
inline constexpr int result_version = 1;

/// What tells a row from the others of its file: "name, size, dtype, constraint, by, N threads", without what the
/// row lacks.
std::string row_key(const nlohmann::json& row);

/// A row's times: seconds per step, one of each repetition.
std::vector<double> samples_of(const nlohmann::json& timing);

/// Reads a file and checks that it has every key that this version writes, with finite numbers, and no two rows with
/// one key. Throws FileError with the file, what was found, what was expected, and what to do.
nlohmann::json read_result_file(const std::filesystem::path& path);

/// What makes times of two programs hard to compare, a text each ("threads: 1 and 2"): device, hardware, simulator,
/// threads, arithmetic, compiler, libraries of products, CUDA. Not the version of the program. `a` and `b` are result
/// files, or the contexts of two programs that serve.
std::vector<std::string> differences(const nlohmann::json& a, const nlohmann::json& b);

}  // namespace kantor
