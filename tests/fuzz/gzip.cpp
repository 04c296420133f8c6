// gzip, inflated up to a limit.
#include "models/files/gzip.h"

#include "tests/fuzz/target.h"

namespace kantor {

constexpr size_t limit = 1 << 20;

void parse(Bytes data) {
  const std::vector<std::byte> start = gunzip_start(data, "input", 100);
  require(start.size() <= 100, "gunzip_start: more than was asked for");
  require(gunzip(data, "input", limit).size() <= limit, "gunzip: more than its limit");
}

size_t declared_size(Bytes) {
  return limit;
}

}  // namespace kantor
