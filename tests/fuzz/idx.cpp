// IDX, plain: gzip has a target of its own.
#include "tests/fuzz/target.h"

namespace kantor {

void parse(Bytes data) {
  const IdxBytes file = parse_idx(data, "input");
  int64_t values = 1;
  for (const int64_t extent : file.shape) values *= extent;
  require(static_cast<size_t>(values) == file.values.size(), "IDX: the shape is not that of the values");
}

size_t declared_size(Bytes data) {
  return data.size();
}

}  // namespace kantor
