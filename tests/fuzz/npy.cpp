// NPY of every version, type and order.
#include "tests/fuzz/target.h"

namespace kantor {

void parse(Bytes data) {
  require(parse_npy(data, "input").size() >= 0, "NPY: a negative size");
}

size_t declared_size(Bytes data) {
  return 8 * data.size();  // bytes become int64
}

}  // namespace kantor
