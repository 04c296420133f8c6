#include "models/data/labelled.h"

#include "models/files/file_error.h"
#include "models/files/idx.h"

#include <algorithm>
#include <fmt/format.h>

namespace kantor {
namespace {

namespace fs = std::filesystem;

/// The file, plain or gzip, whichever is there.
fs::path plain_or_packed(const fs::path& plain) {
  std::error_code ignored;
  const fs::path packed = plain.string() + ".gz";
  if (fs::exists(packed, ignored)) return packed;
  if (fs::exists(plain, ignored)) return plain;
  throw FileError(fmt::format(
      "{}: no such file, nor with .gz; `apt install dataset-fashion-mnist` brings Fashion-MNIST", plain.string()));
}

}  // namespace

std::vector<float> LabelledImages::images(const std::vector<int64_t>& index) const {
  const int64_t length = sample.size();
  std::vector<float> values;
  values.reserve(index.size() * static_cast<size_t>(length));
  for (const int64_t i : index) {
    const uint8_t* from = pixels.data() + i * length;
    std::transform(from, from + length, std::back_inserter(values),
                   [](uint8_t byte) { return static_cast<float>(byte) / 255.0F; });
  }
  return values;
}

LabelledImages read_labelled(const fs::path& images, const fs::path& labels) {
  IdxBytes pictures = read_idx(images), classes = read_idx(labels);
  if (pictures.shape.size() != 3 || classes.shape.size() != 1) {
    throw FileError(fmt::format("{} and {}: IDX of ranks {} and {}, expected images [N, height, width] and labels [N]",
                                images.string(), labels.string(), pictures.shape.size(), classes.shape.size()));
  }
  if (pictures.shape[0] != classes.shape[0] || pictures.values.empty()) {
    throw FileError(fmt::format("{} holds {} images, {} {} labels: expected as many, and at least one", images.string(),
                                pictures.shape[0], labels.string(), classes.shape[0]));
  }
  LabelledImages result{
      {1, pictures.shape[1], pictures.shape[2]}, std::move(pictures.values), std::move(classes.values), 0};
  result.classes = 1 + *std::max_element(result.labels.begin(), result.labels.end());
  return result;
}

LabelledImages read_labelled_mnist(const fs::path& folder, bool train) {
  const fs::path base = folder.empty() ? fs::path("/usr/share/datasets/fashion-mnist") : folder;
  const std::string part = train ? "train" : "t10k";
  return read_labelled(plain_or_packed(base / (part + "-images-idx3-ubyte")),
                       plain_or_packed(base / (part + "-labels-idx1-ubyte")));
}

}  // namespace kantor
