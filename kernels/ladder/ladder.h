// The ladder: versions of a kernel side by side, from the plainest to the one that the engine uses, to read and to
// measure. Nothing here is installed, and the engine knows nothing of it.
//
// A family is a folder: family.cpp says what its kernels compute, by a reference in double, and on what sizes. Each
// version is one file, v1_....cu, compiled for the simulator and for GPUs; it opens with what it changes against the
// version before it, and why, and enters itself by KANTOR_RUNG. tests/ladder_test.cpp and bench/ladder_bench.cpp walk
// the table, so a new version is one new file.
#pragma once

#include "kernels/launcher.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kantor::ladder {

/// Arrays of one call, in the memory of the backend: float32, except for the workspace.
struct Arrays {
  std::vector<int64_t> sizes;  // the family says what each means
  std::vector<const float*> inputs;
  std::vector<float*> outputs;
  double* workspace = nullptr;
};

struct Family {
  std::string name;     // that of its folder and of the engine's kernel family
  std::string formula;  // what a version computes
  std::vector<std::vector<int64_t>> test_sizes, bench_sizes;
  /// Elements of each array for the given sizes.
  std::vector<int64_t> (*inputs)(const std::vector<int64_t>& sizes);
  std::vector<int64_t> (*outputs)(const std::vector<int64_t>& sizes);
  int64_t (*workspace)(const std::vector<int64_t>& sizes);
  /// The least bytes and operations, which all versions share.
  Cost (*cost)(const std::vector<int64_t>& sizes);
  /// The outputs in double, on the host.
  std::vector<std::vector<double>> (*reference)(const std::vector<int64_t>& sizes,
                                                const std::vector<std::vector<float>>& inputs);
};

/// One version. `production`: it calls the kernel that the engine uses.
struct Rung {
  std::string family, text;
  int version = 0;
  bool production = false;
  Backend backend = Backend::sim;
  void (*run)(const Arrays& arrays, Stream stream) = nullptr;
};

/// All families, by name, and the versions of one on a backend, by number.
const std::vector<Family>& families();
std::vector<Rung> rungs(const std::string& family, Backend backend);

/// Before main begins.
bool add_family(Family family);
bool add_rung(Rung rung);

}  // namespace kantor::ladder

/// Enters a version, inside kantor::KANTOR_BACKEND: KANTOR_RUNG(gradient_penalty, 1, false, "a thread a row", run);
#define KANTOR_RUNG(family, version, production, text, run) \
  [[maybe_unused]] static const bool family##_##version =   \
      ::kantor::ladder::add_rung({#family, text, version, production, ::kantor::ladder_backend, run})
