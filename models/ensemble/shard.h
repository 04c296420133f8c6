// Shards: one list of runs, done by several calls on several machines. Each call does its part, and knows which.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace kantor {

/// Part I of N: the runs number I, I + N, I + 2 N, ... of the list, all counted from 1.
struct Shard {
  int64_t index = 1, count = 1;
  std::string source = {};  // who chose it: "--shard", "SLURM_ARRAY_TASK_ID", ...; empty: nobody, all runs

  /// Whether the run of this number, counted from 1, is in it.
  [[nodiscard]] bool has(int64_t number) const { return (number - 1) % count == index - 1; }
  [[nodiscard]] bool whole() const { return count == 1; }
};

/// "2/5". Throws ConfigError.
Shard parse_shard(const std::string& text);

/// The value of an environment variable; nullptr where it is not set.
using Environment = std::function<const char*(const char* name)>;

/// The part of this process among those of a Slurm array (SLURM_ARRAY_TASK_ID, _MIN, _STEP, _COUNT) and of an MPI or
/// srun launch (OMPI_COMM_WORLD_RANK and _SIZE, PMI_RANK and PMI_SIZE, SLURM_PROCID and SLURM_NTASKS: the first pair
/// that is set); with both, each task of the array is divided among its ranks. All runs where nothing is set. Throws
/// ConfigError for values that are no part of a whole, such as an array with gaps.
Shard shard_of_environment(const Environment& environment);

/// --shard where it is given, else that of the environment.
Shard choose_shard(const std::string& option);

}  // namespace kantor
