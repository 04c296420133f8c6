// Gzip.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace kantor {

/// Whether the bytes begin as those of a gzip file do.
bool is_gzip(std::span<const std::byte> data);
/// Inflates gzip of one member or several, refusing more than `limit` bytes and bad checksums.
std::vector<std::byte> gunzip(std::span<const std::byte> data, const std::string& name, size_t limit);
/// The first `count` inflated bytes, or all where there are fewer.
std::vector<std::byte> gunzip_start(std::span<const std::byte> data, const std::string& name, size_t count);

}  // namespace kantor
