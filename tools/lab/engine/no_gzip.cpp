// There is no zlib in the page: packed tables are recognized, and refused.
#include "models/files/bytes.h"
#include "models/files/gzip.h"

namespace kantor {

bool is_gzip(std::span<const std::byte> data) {
  return as_text(data).starts_with("\x1f\x8b");
}

std::vector<std::byte> gunzip(std::span<const std::byte> /*data*/, const std::string& name, size_t /*limit*/) {
  refuse(name, "is packed with gzip; the lab reads plain tables: unpack it first");
}

}  // namespace kantor
