// Samples of a file, held in memory and drawn with replacement: IDX images and NPY arrays.
#include "engine/random.h"
#include "models/data/dataset.h"
#include "models/files/bytes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <fstream>
#include <string_view>

namespace kantor {

namespace {

namespace fs = std::filesystem;

/// Values of all samples in the engine's layout; bytes stay bytes, a quarter of the memory.
template <class T>
class Samples final : public Dataset {
 public:
  Samples(std::string name, const Shape& sample, std::vector<T> values)
      : name_(std::move(name)), sample_(sample), values_(std::move(values)) {}

  std::string name() const override { return name_; }
  Shape sample_shape() const override { return sample_; }
  int64_t size() const override { return static_cast<int64_t>(values_.size()) / sample_.size(); }

  void draw(uint64_t seed, uint32_t stream, uint64_t step, int64_t count, float* out) const override {
    HostRandom random(seed, stream, step);
    const int64_t length = sample_.size(), samples = size();
    for (int64_t i = 0; i < count; ++i, out += length) {
      const T* from = values_.data() + random.below(samples) * length;
      if constexpr (std::is_same_v<T, uint8_t>)
        std::transform(from, from + length, out, [](uint8_t byte) { return static_cast<float>(byte) / 255.0f; });
      else
        std::copy_n(from, length, out);
    }
  }

 private:
  std::string name_;
  Shape sample_;
  std::vector<T> values_;
};

void refuse_empty(const fs::path& path, const Shape& shape) {
  if (shape.size() == 0)
    throw FileError(
        fmt::format("{}: shape {} holds no values, expected at least one sample", path.string(), to_string(shape)));
}

std::unique_ptr<Dataset> open_idx(const fs::path& path, std::string name) {
  IdxBytes file = read_idx(path);
  const Shape shape{std::span<const int64_t>(file.shape)};
  if (shape.rank() != 3)
    throw FileError(fmt::format("{}: IDX of shape {}, expected images [N, height, width] (labels are not needed)",
                                path.string(), to_string(shape)));
  refuse_empty(path, shape);
  return std::make_unique<Samples<uint8_t>>(std::move(name), Shape{1, shape[1], shape[2]}, std::move(file.values));
}

/// NCHW to NHWC.
std::vector<float> channels_last(const std::vector<float>& values, const Shape& shape) {
  const int64_t channels = shape[1], pixels = shape[2] * shape[3];
  std::vector<float> out(values.size());
  for (int64_t n = 0; n < shape[0]; ++n)
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t p = 0; p < pixels; ++p)
        out[static_cast<size_t>((n * pixels + p) * channels + c)] =
            values[static_cast<size_t>((n * channels + c) * pixels + p)];
  return out;
}

std::unique_ptr<Dataset> open_npy(const fs::path& path, std::string name) {
  const Tensor array = read_npy(path);
  const Shape& shape = array.shape();
  if (shape.rank() != 2 && shape.rank() != 4)
    throw FileError(
        fmt::format("{}: array of shape {}, expected [N, D] or images [N, C, H, W]", path.string(), to_string(shape)));
  refuse_empty(path, shape);
  const bool image = shape.rank() == 4;
  std::vector<float> values = array.to_vector<float>();
  if (image && array.dtype() == DType::int64)
    for (float& value : values) value /= 255.0f;
  for (size_t i = 0; i < values.size(); ++i) {
    const auto refuse = [&](std::string_view expected) {
      throw FileError(fmt::format("{}: the value at {} is {}{}, expected {}", path.string(),
                                  index_text(shape, static_cast<int64_t>(i)), values[i],
                                  image && array.dtype() == DType::int64 ? " (after division by 255)" : "", expected));
    };
    if (!std::isfinite(values[i])) refuse("finite float32 numbers");
    if (image && (values[i] < 0 || values[i] > 1)) refuse("pixels in [0, 1], or integers in 0..255");
  }
  if (!image) return std::make_unique<Samples<float>>(std::move(name), Shape{shape[1]}, std::move(values));
  return std::make_unique<Samples<float>>(std::move(name), Shape{shape[1], shape[2], shape[3]},
                                          channels_last(values, shape));
}

}  // namespace

std::unique_ptr<Dataset> open_samples(const fs::path& path, std::string name) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status))
    throw FileError(fmt::format("{}: no such file, expected NPY or IDX(.gz) samples", path.string()));
  if (!fs::is_regular_file(status))
    throw FileError(fmt::format("{}: not a regular file, expected NPY or IDX(.gz) samples", path.string()));
  std::array<char, 6> start{};
  std::ifstream file(path, std::ios::binary);
  file.read(start.data(), start.size());
  const std::string_view magic(start.data(), static_cast<size_t>(file.gcount()));
  if (magic == "\x93NUMPY") return open_npy(path, std::move(name));
  const bool gzip = magic.starts_with("\x1f\x8b"), idx = magic.starts_with(std::string_view("\0\0", 2));
  if (gzip || idx) return open_idx(path, std::move(name));
  throw FileError(fmt::format("{}: begins with neither NPY's, IDX's nor gzip's mark, expected one of these formats",
                              path.string()));
}

}  // namespace kantor
