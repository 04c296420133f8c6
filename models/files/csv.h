// CSV, plain or gzip: numbers separated by commas, semicolons or tabs, quoted or not, with or without a first line of
// names.
#pragma once

#include "engine/tensor.h"

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace kantor {

/// As float32 [rows, columns]; `name` stands for the file in messages. Text, empty fields, NaN, infinity and rows of
/// unequal length are refused by line and column, with FileError.
Tensor parse_csv(std::span<const std::byte> data, const std::string& name);
Tensor read_csv(const std::filesystem::path& path);

}  // namespace kantor
