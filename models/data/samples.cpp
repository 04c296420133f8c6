// Samples of a file: IDX images, NPY arrays, CSV tables; what the axes and the numbers of an array mean; and the rule
// by which a path is one of these or a folder.
#include "models/data/samples.h"

#include "models/data/samples_in_memory.h"
#include "models/files/bytes.h"
#include "models/files/content.h"
#include "models/files/csv.h"
#include "models/files/gzip.h"
#include "models/files/idx.h"
#include "models/files/npy.h"
#include "models/files/png.h"

#include <cmath>

namespace kantor {

namespace {

namespace fs = std::filesystem;

void refuse_empty(const std::string& file, const Shape& shape) {
  if (shape.size() == 0) refuse(file, "shape {} holds no values, expected at least one sample", to_string(shape));
}

DatasetPtr open_idx(Bytes content, const std::string& file, std::string name) {
  IdxBytes idx = parse_idx(content, file);
  const Shape shape{std::span<const int64_t>(idx.shape)};
  if (shape.rank() != 3) {
    refuse(file, "IDX of shape {}, expected images [N, height, width] (labels are not needed)", to_string(shape));
  }
  refuse_empty(file, shape);
  const Shape sample{1, shape[1], shape[2]};
  const PixelScale scale = pixel_scale(idx.values);
  std::string reading = fmt::format("{} (IDX), {}", describe_pictures(sample), scale.text);
  return std::make_shared<const SamplesInMemory<uint8_t>>(std::move(name), sample, std::move(idx.values),
                                                          std::move(reading), scale.divisor);
}

/// What the axes of an array mean.
struct Axes {
  Shape sample;            // [D], [T, D] or [C, H, W]
  std::vector<int> order;  // the array's axes in the engine's order
  std::string text;        // "[N, H, W]"
  [[nodiscard]] bool image() const { return sample.rank() == 3; }
};

std::string describe(const Axes& axes) {
  const Shape& sample = axes.sample;
  if (axes.image()) return describe_pictures(sample);
  if (sample.rank() == 2) return fmt::format("sequences of {} steps of {} values", sample[0], sample[1]);
  return fmt::format("points of {} values", sample[0]);
}

bool is_bytes(const NpyArray& array) {
  return array.dtype() == "uint8" || array.dtype() == "bool";
}

bool can_be_channels(int64_t extent) {
  return extent >= 1 && extent <= 4;
}

/// By rank and type alone, except for pictures whose last axis can only be their channels.
Axes interpret(const NpyArray& array, const std::string& file) {
  const Shape& shape = array.shape();
  const int rank = shape.rank();
  if (rank == 2) return {{shape[1]}, {0, 1}, "[N, D]"};
  if (rank == 3 && is_bytes(array)) {
    if (can_be_channels(shape[2]) && shape[0] > 4 && shape[1] > 4) {
      refuse(file,
             "array of shape {} and type {} looks like a single picture [H, W, C], expected many: numpy.stack them to "
             "[N, H, W, C] (sequences [N, T, D] are float32)",
             to_string(shape), array.dtype());
    }
    return {{1, shape[1], shape[2]}, {0, 1, 2}, "[N, H, W]"};
  }
  if (rank == 3) return {{shape[1], shape[2]}, {0, 1, 2}, "[N, T, D]"};
  if (rank == 4 && can_be_channels(shape[3]) && shape[1] > 4 && shape[2] > 4) {
    return {{shape[3], shape[1], shape[2]}, {0, 1, 2, 3}, "[N, H, W, C]"};
  }
  if (rank == 4) return {{shape[1], shape[2], shape[3]}, {0, 2, 3, 1}, "[N, C, H, W]"};
  refuse(file, "array of shape {}, expected points [N, D], sequences [N, T, D] or images [N, C, H, W]",
         to_string(shape));
}

/// "[3, 0, 27]": the array's own index of value i in the engine's order.
std::string own_index(const NpyArray& array, const Axes& axes, size_t i) {
  auto rest = static_cast<int64_t>(i);
  int64_t flat = 0;
  for (size_t k = axes.order.size(); k-- > 0;) {
    const int axis = axes.order[k];
    flat += rest % array.shape()[axis] * array.shape().size_from(axis + 1);
    rest /= array.shape()[axis];
  }
  return index_text(array.shape(), flat);
}

/// Advice about images whose floats are not in [0, 1].
std::string_view advice(const std::vector<float>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  if (*low >= 0 && *high <= 255) return ": divide by 255";
  if (*low >= -1 && *high <= 1) return ": take (x + 1) / 2";
  return ": scale them";
}

DatasetPtr hold_floats(const NpyArray& array, const Axes& axes, const std::string& file, std::string name) {
  std::vector<float> values = array.values<float>(axes.order);
  const auto not_finite = [](float value) { return !std::isfinite(value); };
  if (const auto bad = std::find_if(values.begin(), values.end(), not_finite); bad != values.end()) {
    refuse(file, "the value at {} is {}, expected finite float32 numbers",
           own_index(array, axes, static_cast<size_t>(bad - values.begin())), *bad);
  }
  const auto no_pixel = [](float value) { return value < 0 || value > 1; };
  if (const auto bad = std::find_if(values.begin(), values.end(), no_pixel); axes.image() && bad != values.end()) {
    refuse(file, "the value at {} is {}, expected pixels in [0, 1], or integers in 0..255{}",
           own_index(array, axes, static_cast<size_t>(bad - values.begin())), *bad, advice(values));
  }
  std::string reading = fmt::format("{} ({} of {}), as they are", describe(axes), axes.text, array.dtype());
  if (axes.sample.rank() == 2) reading += "; pictures would be [N, C, H, W], or uint8";
  return std::make_shared<const SamplesInMemory<float>>(std::move(name), axes.sample, std::move(values),
                                                        std::move(reading));
}

/// Bytes, or pictures of other integers, as bytes.
std::vector<uint8_t> pixels(const NpyArray& array, const Axes& axes, const std::string& file) {
  if (is_bytes(array)) return array.values<uint8_t>(axes.order);
  const std::vector<float> values = array.values<float>(axes.order);
  const auto no_byte = [](float value) { return value < 0 || value > 255; };
  if (const auto bad = std::find_if(values.begin(), values.end(), no_byte); bad != values.end()) {
    refuse(file, "the value at {} is {}, expected pixels in [0, 1], or integers in 0..255",
           own_index(array, axes, static_cast<size_t>(bad - values.begin())), *bad);
  }
  return {values.begin(), values.end()};
}

DatasetPtr open_npy(Bytes content, const std::string& file, std::string name) {
  const NpyArray array(content, file);
  const Axes axes = interpret(array, file);
  refuse_empty(file, array.shape());
  if (!is_bytes(array) && (array.is_real() || !axes.image())) return hold_floats(array, axes, file, std::move(name));
  std::vector<uint8_t> values = pixels(array, axes, file);
  const PixelScale scale = !axes.image()             ? PixelScale{1, "as they are"}
                           : array.dtype() == "bool" ? PixelScale{1, "False is 0 and True is 1"}
                                                     : pixel_scale(values);
  std::string reading = fmt::format("{} ({} of {}), {}", describe(axes), axes.text, array.dtype(), scale.text);
  return std::make_shared<const SamplesInMemory<uint8_t>>(std::move(name), axes.sample, std::move(values),
                                                          std::move(reading), scale.divisor);
}

DatasetPtr open_csv(Bytes content, const std::string& file, std::string name) {
  const Tensor table = parse_csv(content, file);
  std::string reading = fmt::format("points of {} values (rows of a table), as they are", table.shape()[1]);
  return std::make_shared<const SamplesInMemory<float>>(std::move(name), Shape{table.shape()[1]},
                                                        table.to_vector<float>(), std::move(reading));
}

/// The format has no signature, so the file's name decides.
bool is_named_csv(const fs::path& path) {
  const fs::path ending = path.extension() == ".gz" ? path.stem().extension() : path.extension();
  return ending == ".csv" || ending == ".tsv";
}

}  // namespace

std::string describe_pictures(const Shape& sample) {
  return fmt::format("pictures of {} x {} with {} channel{}", sample[1], sample[2], sample[0],
                     sample[0] == 1 ? "" : "s");
}

PixelScale pixel_scale(const std::vector<uint8_t>& values) {
  const bool binary = std::all_of(values.begin(), values.end(), [](uint8_t value) { return value <= 1; });
  return binary ? PixelScale{1, "all of them 0 or 1, so not scaled by 1/255"} : PixelScale{255, "scaled by 1/255"};
}

DatasetPtr open_samples(const fs::path& path, std::string name) {
  static constexpr std::string_view expected = "NPY, IDX or CSV samples, plain or .gz, or a folder of PNGs";
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  const std::string file = path.string();
  if (!fs::exists(status)) refuse(file, "no such file, expected {}", expected);
  if (fs::is_directory(status)) return open_image_folder(path, std::move(name));
  if (!fs::is_regular_file(status)) refuse(file, "not a regular file, expected {}", expected);
  const std::vector<std::byte> content = read_file(path);
  if (is_named_csv(path)) return open_csv(content, file, std::move(name));
  const std::vector<std::byte> unpacked =
      is_gzip(content) ? gunzip_start(content, file, 4096) : std::vector<std::byte>();
  const Bytes start = is_gzip(content) ? Bytes(unpacked) : Bytes(content);
  if (as_text(start).starts_with("\x93NUMPY")) return open_npy(content, file, std::move(name));
  if (as_text(start).starts_with(std::string_view("\0\0", 2))) return open_idx(content, file, std::move(name));
  const std::string packed = is_gzip(content) ? "packed with gzip; inside " : "";
  if (is_png(start))
    refuse(file, "{}is a single PNG; put pictures of one size into a folder and give the folder", packed);
  const std::string other = describe_content(start), text = describe_content(start, true);
  if (!other.empty() && text.empty() && !start.empty()) {
    refuse(file, "{}is {}; a table of numbers must be named .csv or .tsv; expected {}", packed, other, expected);
  }
  if (!other.empty()) refuse(file, "{}is {}; expected {}", packed, other, expected);
  refuse(file, "begins with neither NPY's, IDX's nor gzip's mark, and is not named .csv or .tsv; expected {}",
         expected);
}

}  // namespace kantor
