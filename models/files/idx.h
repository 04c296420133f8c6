// IDX, plain or gzip: unsigned bytes, as in MNIST.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace kantor {

struct IdxBytes {
  std::vector<int64_t> shape;
  std::vector<uint8_t> values;
};
/// From memory, `name` standing for the file in messages, and from a file. Throws FileError.
IdxBytes parse_idx(std::span<const std::byte> data, const std::string& name);
IdxBytes read_idx(const std::filesystem::path& path);

}  // namespace kantor
