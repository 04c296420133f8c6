// Samples of a file: IDX images, NPY arrays, CSV tables; and the rule by which a path is one of these or a folder.
#include "models/data/held_samples.h"
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
  return std::make_unique<HeldSamples<uint8_t>>(std::move(name), Shape{1, shape[1], shape[2]}, std::move(file.values));
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
  if (shape.rank() < 2 || shape.rank() > 4)
    throw FileError(fmt::format("{}: array of shape {}, expected [N, D], sequences [N, T, D] or images [N, C, H, W]",
                                path.string(), to_string(shape)));
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
  const Shape sample{std::span(shape.begin() + 1, shape.end())};
  if (image) values = channels_last(values, shape);
  return std::make_unique<HeldSamples<float>>(std::move(name), sample, std::move(values));
}

std::unique_ptr<Dataset> open_csv(const fs::path& path, std::string name) {
  const Tensor table = read_csv(path);
  return std::make_unique<HeldSamples<float>>(std::move(name), Shape{table.shape()[1]}, table.to_vector<float>());
}

}  // namespace

std::unique_ptr<Dataset> open_samples(const fs::path& path, std::string name) {
  static constexpr std::string_view expected = "NPY, IDX(.gz) or CSV samples, or a folder of PNGs";
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) refuse(path.string(), "no such file, expected {}", expected);
  if (fs::is_directory(status)) return open_image_folder(path, std::move(name));
  if (!fs::is_regular_file(status)) refuse(path.string(), "not a regular file, expected {}", expected);
  const fs::path ending = path.extension();
  if (ending == ".csv" || ending == ".tsv") return open_csv(path, std::move(name));  // the format has no mark
  std::array<char, 6> start{};
  std::ifstream file(path, std::ios::binary);
  file.read(start.data(), start.size());
  const std::string_view magic(start.data(), static_cast<size_t>(file.gcount()));
  if (magic == "\x93NUMPY") return open_npy(path, std::move(name));
  const bool gzip = magic.starts_with("\x1f\x8b"), idx = magic.starts_with(std::string_view("\0\0", 2));
  if (gzip || idx) return open_idx(path, std::move(name));
  refuse(path.string(),
         "begins with neither NPY's, IDX's nor gzip's mark, and its name ends in neither .csv nor .tsv; "
         "expected {}",
         expected);
}

}  // namespace kantor
