// CSV: what is read is finite.
#include "models/files/csv.h"

#include "tests/fuzz/target.h"

#include <algorithm>
#include <cmath>

namespace kantor {

void parse(Bytes data) {
  const std::vector<float> values = parse_csv(data, "input").to_vector<float>();
  const bool finite = std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
  require(finite && !values.empty(), "CSV: a value that is not finite, or none");
}

size_t declared_size(Bytes data) {
  return 4 * unpacked_size(data);
}

}  // namespace kantor
