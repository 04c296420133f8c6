// Data that Debian packages: Fashion-MNIST and the silk icons; and the user's own files.
#include "models/data/open_dataset.h"
#include "models/data/samples.h"
#include "models/files/file_error.h"

#include <filesystem>
#include <fmt/format.h>
#include <system_error>

namespace kantor {
namespace {

DatasetPtr open_fashion_mnist(const DataConfig& config) {
  const std::string& path = config.path;
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

DatasetPtr open_silk(const DataConfig& config) {
  const std::string& path = config.path;
  const std::filesystem::path folder = path.empty() ? "/usr/share/icons/silk/16x16" : path;
  std::error_code ignored;
  if (std::filesystem::is_directory(folder, ignored)) return open_samples(folder, "silk");
  throw FileError(
      fmt::format("silk icons not found: expected the folder {} of PNGs; install it with `apt install "
                  "famfamfam-silk`, or name the folder in data.path",
                  folder.string()));
}

DatasetPtr open_file(const DataConfig& config) {
  if (config.path.empty()) {
    throw FileError("data kind \"file\" needs data.path: a .npy, IDX or .csv file, plain or .gz, or a folder of PNGs");
  }
  const auto path = std::filesystem::path(config.path);
  return open_samples(path, (path.has_filename() ? path : path.parent_path()).filename().string());
}

}  // namespace

extern const DatasetKind fashion_mnist_kind, silk_kind, file_kind;
const DatasetKind fashion_mnist_kind{"fashion-mnist", open_fashion_mnist};
const DatasetKind silk_kind{"silk", open_silk};
const DatasetKind file_kind{"file", open_file};

}  // namespace kantor
