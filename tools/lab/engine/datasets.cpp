// The data that the lab trains on: the distributions of the plane, and points that were drawn on it or dropped as a
// CSV.
#include "engine/error.h"
#include "models/data/open_dataset.h"

namespace kantor {

extern const DatasetKind gaussians8_kind, gaussians25_kind, swissroll_kind;

const std::vector<std::string>& dataset_kinds() {
  static const std::vector<std::string> names{gaussians8_kind.name, gaussians25_kind.name, swissroll_kind.name, "file"};
  return names;
}

DatasetPtr open_dataset(const DataConfig& config) {
  for (const DatasetKind* kind : {&gaussians8_kind, &gaussians25_kind, &swissroll_kind}) {
    if (config.kind == kind->name) return kind->open(config);
  }
  throw Error("data." + config.kind + ": the lab trains on points of the plane; draw some, or drop a CSV on the page");
}

}  // namespace kantor
