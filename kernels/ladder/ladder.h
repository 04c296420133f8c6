// The ladder: versions of a kernel side by side, from the plainest to the one that the engine uses, to read and to
// measure. The engine knows nothing of it.
//
// A family is a folder: family.cpp says what its kernels compute, by a reference in double, and on what sizes. Each
// version is one file, v1_....cu, compiled for the simulator and for GPUs; it opens with what it changes against the
// version before it and what that must save, in bytes, FLOPs, launches or barriers, and enters itself by KANTOR_RUNG.
// Tests, benchmarks and pages walk the table, so a new version is one new file. The names of kernels are unique in the
// whole ladder: by them a version's registers and counted transactions are found.
#pragma once

#include "kernels/launcher.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace kantor::ladder {

using Sizes = std::vector<int64_t>;

/// Arrays of one call, in the memory of the backend.
struct Arrays {
  Sizes sizes;  // the family says what each means
  std::vector<const float*> inputs;
  std::vector<float*> outputs;
  double* workspace = nullptr;   // zeros at the start of the first call, and what the last one left
  const void* tables = nullptr;  // as the family laid them out
};

/// What an output must hold, and how far a float may be from it: an error is divided by the scale, which is the sum of
/// the absolute values of an element's terms, so that it counts roundings wherever terms cancel.
struct Expected {
  std::vector<double> values, scale;
};

struct Family {
  std::string name;     // that of its folder
  std::string formula;  // what a version computes
  std::vector<std::string> size_names;
  /// Arrays.inputs and Arrays.outputs, by number: a name, and behind a space what it is: "w [8, width]".
  std::vector<std::string> input_names, output_names;
  /// Correctness is checked on test sizes, ragged ones among them; time is measured on bench sizes; transactions are
  /// counted on count sizes, which the simulator runs in seconds: the first are drawn as well.
  std::vector<Sizes> test_sizes, bench_sizes, count_sizes;
  /// Elements of each array, and doubles of the workspace.
  Sizes (*inputs)(const Sizes& sizes) = nullptr;
  Sizes (*outputs)(const Sizes& sizes) = nullptr;
  int64_t (*workspace)(const Sizes& sizes) = nullptr;
  /// The least bytes and operations, which all versions share.
  Cost (*cost)(const Sizes& sizes) = nullptr;
  /// Of each output, from inputs.
  std::vector<Expected> (*reference)(const Sizes& sizes, const std::vector<std::vector<float>>& inputs) = nullptr;

  // What most families leave as it is.
  /// Changes the numbers that an input was given, which lie evenly in [-1, 1].
  void (*adjust)(size_t input, std::vector<float>& values) = nullptr;
  /// For each output the input whose values it holds at first, or -1 for NaN; empty: NaN in all.
  std::vector<int> start_as = {};
  /// Constant tables, in bytes.
  std::vector<std::byte> (*tables)(const Sizes& sizes) = nullptr;
};

/// One version.
struct Rung {
  std::string family;
  int version = 0;                              // 0: a library's function beside the ladder, on GPUs alone
  std::string text;                             // in a few words
  bool production = false;                      // it calls the kernel that the engine uses
  int follows = 0;                              // the version that it changes; 0: the one before it
  double error = 1e-5;                          // that Expected allows at most
  bool (*takes)(const Sizes& sizes) = nullptr;  // null: all sizes; ask runs()
  Backend backend = Backend::sim;
  std::string file;  // its source, from the project's folder
  void (*run)(const Arrays& arrays, Stream stream) = nullptr;

  [[nodiscard]] bool runs(const Sizes& sizes) const { return takes == nullptr || takes(sizes); }
};

/// All families, by name, and the versions of one on a backend, by number.
const std::vector<Family>& families();
std::vector<Rung> rungs(const std::string& family, Backend backend);

/// Before main begins.
bool add_family(Family family);
bool add_rung(Rung rung);

}  // namespace kantor::ladder

/// Enters a version, inside kantor::KANTOR_BACKEND: KANTOR_RUNG(gradient_penalty, 1, "a thread a row", run); what
/// follows are designated initializers of Rung: .production = true.
#define KANTOR_RUNG(family_name, number, words, function, ...)                                   \
  [[maybe_unused]] static const bool rung_is_entered =                                           \
      ::kantor::ladder::add_rung({.family = #family_name,                                        \
                                  .version = number,                                             \
                                  .text = words,                                                 \
                                  __VA_ARGS__ __VA_OPT__(, ).backend = ::kantor::ladder_backend, \
                                  .file = ::kantor::ladder::project_path(__FILE__),              \
                                  .run = function})
