#include "models/data/dataset.h"

#include "models/files/file_error.h"

#include <fmt/format.h>

namespace kantor {

Shape Dataset::batch_shape(int64_t count) const {
  const Shape sample = sample_shape();
  if (is_image()) return {count, sample[1], sample[2], sample[0]};
  std::vector<int64_t> extents{count};
  extents.insert(extents.end(), sample.begin(), sample.end());
  return Shape(extents);
}

std::vector<float> Dataset::draw(uint64_t seed, uint32_t stream, uint64_t step, int64_t count) const {
  std::vector<float> values(static_cast<size_t>(batch_shape(count).size()));
  draw(seed, stream, step, count, values.data());
  return values;
}

void check_batch(const Dataset& data, int64_t batch) {
  if (data.size() > 0 && data.size() < batch)
    throw FileError(fmt::format("{} holds {} samples, fewer than one batch of {}: use a smaller batch or more data{}",
                                data.name(), data.size(), batch,
                                data.reading().empty() ? "" : fmt::format(" (it is read as {})", data.reading())));
}

}  // namespace kantor
