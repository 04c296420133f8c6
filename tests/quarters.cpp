#include "tests/quarters.h"

#include "engine/random.h"
#include "models/files/atomic_file.h"

namespace kantor {
namespace {

/// An IDX file of unsigned bytes.
void write_idx(const std::filesystem::path& path, const std::vector<int64_t>& shape,
               const std::vector<uint8_t>& values) {
  std::string text{0, 0, 8, static_cast<char>(shape.size())};
  for (const int64_t extent : shape) {
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(extent >> shift & 255);
  }
  text.append(values.begin(), values.end());
  write_file_atomically(path, std::string_view(text));
}

}  // namespace

LabelledImages quarters(int64_t count, uint64_t seed, int64_t side) {
  LabelledImages data{{1, side, side}, {}, {}, 4};
  HostRandom random(seed, 0);
  for (int64_t i = 0; i < count; ++i) {
    const auto label = static_cast<uint8_t>(random.below(4));
    data.labels.push_back(label);
    for (int64_t y = 0; y < side; ++y) {
      for (int64_t x = 0; x < side; ++x) {
        const bool inside = (y < side / 2) == (label < 2) && (x < side / 2) == (label % 2 == 0);
        data.pixels.push_back(static_cast<uint8_t>((inside ? 120 : 20) + random.below(100)));
      }
    }
  }
  return data;
}

void write_quarters(const std::filesystem::path& folder, int64_t side) {
  std::filesystem::create_directories(folder);
  const LabelledImages train = quarters(300, 1, side), held_back = quarters(100, 2, side);
  for (const auto& [part, data] : {std::pair{"train", &train}, std::pair{"t10k", &held_back}}) {
    write_idx(folder / (std::string(part) + "-images-idx3-ubyte"), {data->count(), side, side}, data->pixels);
    write_idx(folder / (std::string(part) + "-labels-idx1-ubyte"), {data->count()}, data->labels);
  }
}

}  // namespace kantor
