#include "models/data/open_dataset.h"

#include "engine/error.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kantor {

// Each in the file of its data set.
extern const DatasetKind gaussians8_kind, gaussians25_kind, swissroll_kind, sequences_kind, funnels_kind,
    fashion_mnist_kind, silk_kind, file_kind;

namespace {

const std::vector<DatasetKind>& table() {
  static const std::vector<DatasetKind> kinds{gaussians8_kind, gaussians25_kind,   swissroll_kind, sequences_kind,
                                              funnels_kind,    fashion_mnist_kind, silk_kind,      file_kind};
  return kinds;
}

}  // namespace

const std::vector<std::string>& dataset_kinds() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const DatasetKind& kind : table()) all.emplace_back(kind.name);
    return all;
  }();
  return names;
}

DatasetPtr open_dataset(const DataConfig& config) {
  for (const DatasetKind& kind : table()) {
    if (config.kind == kind.name) return kind.open(config);
  }
  throw Error(
      fmt::format("unknown data kind \"{}\": expected one of {}", config.kind, fmt::join(dataset_kinds(), ", ")));
}

}  // namespace kantor
