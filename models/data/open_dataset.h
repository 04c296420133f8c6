// Data sets by name, as a configuration asks for them.
#pragma once

#include "models/data/dataset.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kantor {

/// The part of a configuration that describes the data.
struct DataConfig {
  std::string kind = "gaussians8";  // one of dataset_kinds()
  // file: .npy, IDX, .csv, plain or .gz, or a folder of PNGs; fashion-mnist and silk: the folder, if not Debian's;
  // funnels: a pair as open_pair takes it
  std::string path;
  int64_t length = 32;  // sequences: T
};

/// A kind of data: a row of the table in open_dataset.cpp, defined in the file of the data set.
struct DatasetKind {
  const char* name;
  DatasetPtr (*open)(const DataConfig& config);
};

/// The names that `data.kind` may have.
const std::vector<std::string>& dataset_kinds();

/// Throws Error for an unknown kind, FileError for a file that is missing or bad.
DatasetPtr open_dataset(const DataConfig& config);

}  // namespace kantor
