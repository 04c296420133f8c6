// Comparison: the runs that `kantor compare` asks for, and those of a folder that it goes on with.
#pragma once

#include "models/ensemble/train_runs.h"
#include "tools/run_arguments.h"

#include <filesystem>
#include <string>
#include <vector>

namespace kantor {

/// What a comparison is the product of, as the options give it.
struct ComparisonArguments {
  std::vector<std::string> constraints, seeds, sweeps;
};

struct Comparison {
  std::vector<EnsembleRun> runs;  // in the order of their numbers, which shards count
  std::string product;            // "2 constraints x 3 seeds = 6 runs"; of a whole folder: "6 runs"
  bool resumed = false;           // planned by --resume, which may change what is there
};

/// The runs that the options ask for, in `folder`, which need not exist. Where it holds a comparison, the same command
/// goes on with it, and may name more constraints, seeds and values; with --resume the command may also leave out what
/// it does not change, and change what a resume may change. Throws ConfigError and FileError, which say what differs,
/// before anything is written.
Comparison plan_comparison(const RunArguments& options, const ComparisonArguments& product,
                           const std::filesystem::path& folder);

/// Writes config.toml of the runs that have none, so that --resume finds also those that an interruption left out.
/// Other processes may do the same at the same time. Throws FileError, also where one of them began another comparison
/// there.
void make_run_folders(const Comparison& comparison, const std::filesystem::path& folder);

/// The run folders in a folder, numbers in their names in order: r1-2 before r1-10. None where it does not exist.
std::vector<std::filesystem::path> runs_below(const std::filesystem::path& folder);

}  // namespace kantor
