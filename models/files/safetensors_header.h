// The header of a safetensors file: JSON that names the tensors and the metadata.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kantor {

/// A tensor as the header declares it.
struct SafetensorsEntry {
  std::string name;
  std::string dtype;
  std::vector<int64_t> shape;
  std::vector<uint64_t> offsets;
  unsigned seen = 0;  // bits of the keys that were there: dtype, shape, data_offsets
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;
  std::map<std::string, std::string> metadata;
};
/// Throws FileError, naming `file`, for what the format does not allow: other keys, keys twice, other types.
SafetensorsHeader parse_safetensors_header(std::string_view text, const std::string& file);

}  // namespace kantor
