// Data sets by name, and what they share.
#include "models/data/dataset.h"

#include "models/files/files.h"

#include <fmt/format.h>

namespace kantor {

namespace {

std::unique_ptr<Dataset> fashion_mnist(const std::string& path) {
  const std::filesystem::path folder = path.empty() ? "/usr/share/datasets/fashion-mnist" : path;
  const std::filesystem::path plain = folder / "train-images-idx3-ubyte", packed = plain.string() + ".gz";
  std::error_code ignored;
  for (const auto& file : {packed, plain})
    if (std::filesystem::exists(file, ignored)) return open_samples(file, "fashion-mnist");
  throw FileError(
      fmt::format("Fashion-MNIST not found: expected {} (or without .gz); install it with `apt install "
                  "dataset-fashion-mnist`, or name the folder that holds it in data.path",
                  packed.string()));
}

}  // namespace

Shape Dataset::batch_shape(int64_t count) const {
  const Shape sample = sample_shape();
  if (is_image()) return {count, sample[1], sample[2], sample[0]};
  std::vector<int64_t> shape{count};
  for (const int64_t extent : sample) shape.push_back(extent);
  return Shape(shape);
}

std::vector<float> Dataset::draw(uint64_t seed, uint32_t stream, uint64_t step, int64_t count) const {
  std::vector<float> values(static_cast<size_t>(batch_shape(count).size()));
  draw(seed, stream, step, count, values.data());
  return values;
}

std::unique_ptr<Dataset> open_dataset(const DataConfig& config) {
  if (config.kind == "gaussians8") return gaussians8();
  if (config.kind == "gaussians25") return gaussians25();
  if (config.kind == "swissroll") return swissroll();
  if (config.kind == "fashion-mnist") return fashion_mnist(config.path);
  if (config.kind == "file") {
    if (config.path.empty()) throw FileError("data kind \"file\" needs data.path: a .npy or IDX(.gz) file");
    return open_samples(config.path, std::filesystem::path(config.path).filename().string());
  }
  throw Error(fmt::format(
      "unknown data kind \"{}\": expected gaussians8, gaussians25, swissroll, fashion-mnist or file", config.kind));
}

void check_batch(const Dataset& data, int64_t batch) {
  if (data.size() > 0 && data.size() < batch)
    throw FileError(fmt::format("{} holds {} samples, fewer than one batch of {}: use a smaller batch or more data",
                                data.name(), data.size(), batch));
}

}  // namespace kantor
