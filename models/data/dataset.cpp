// Data sets by name, and what they share.
#include "models/data/dataset.h"

#include "models/data/funnel_pairs.h"
#include "models/files/files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

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

std::unique_ptr<Dataset> silk(const std::string& path) {
  const std::filesystem::path folder = path.empty() ? "/usr/share/icons/silk/16x16" : path;
  std::error_code ignored;
  if (std::filesystem::is_directory(folder, ignored)) return open_samples(folder, "silk");
  throw FileError(
      fmt::format("silk icons not found: expected the folder {} of PNGs; install it with `apt install "
                  "famfamfam-silk`, or name the folder in data.path",
                  folder.string()));
}

}  // namespace

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

const std::vector<std::string>& dataset_kinds() {
  static const std::vector<std::string> kinds{"gaussians8", "gaussians25",   "swissroll", "sequences",
                                              "funnels",    "fashion-mnist", "silk",      "file"};
  return kinds;
}

std::unique_ptr<Dataset> open_dataset(const DataConfig& config) {
  if (config.kind == "gaussians8") return gaussians8();
  if (config.kind == "gaussians25") return gaussians25();
  if (config.kind == "swissroll") return swissroll();
  if (config.kind == "sequences") return sequences(config.length);
  if (config.kind == "funnels") return funnels_p(open_pair(config.path.empty() ? "d2_n4:1" : config.path).funnels);
  if (config.kind == "fashion-mnist") return fashion_mnist(config.path);
  if (config.kind == "silk") return silk(config.path);
  if (config.kind == "file") {
    if (config.path.empty())
      throw FileError(
          "data kind \"file\" needs data.path: a .npy, IDX or .csv file, plain or .gz, or a folder of PNGs");
    const auto path = std::filesystem::path(config.path);
    return open_samples(path, (path.has_filename() ? path : path.parent_path()).filename().string());
  }
  throw Error(
      fmt::format("unknown data kind \"{}\": expected one of {}", config.kind, fmt::join(dataset_kinds(), ", ")));
}

void check_batch(const Dataset& data, int64_t batch) {
  if (data.size() > 0 && data.size() < batch)
    throw FileError(fmt::format("{} holds {} samples, fewer than one batch of {}: use a smaller batch or more data{}",
                                data.name(), data.size(), batch,
                                data.reading().empty() ? "" : fmt::format(" (it is read as {})", data.reading())));
}

}  // namespace kantor
