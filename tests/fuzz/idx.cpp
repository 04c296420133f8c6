// IDX, plain and packed.
#include "models/files/idx.h"

#include "engine/shape.h"
#include "tests/fuzz/target.h"

#include <cstdint>
#include <span>

namespace kantor {

void parse(Bytes data) {
  const IdxBytes file = parse_idx(data, "input");
  const Shape shape{std::span<const int64_t>(file.shape)};
  require(static_cast<size_t>(shape.size()) == file.values.size(), "IDX: the shape is not that of the values");
}

size_t declared_size(Bytes data) {
  return unpacked_size(data);
}

}  // namespace kantor
