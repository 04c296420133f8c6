// Sweeps: one key of the configuration with several values. An ensemble is the product of its constraints, its sweeps
// and its seeds.
#pragma once

#include "models/ensemble/numbers.h"
#include "models/training/config.h"

#include <cstddef>
#include <string>
#include <vector>

namespace kantor {

struct Sweep {
  std::string key;                  // of config_fields()
  std::vector<std::string> values;  // as --set takes them
};

/// "critic.lambda=0.1,1,10"; whole numbers also as a range, "critic.depth=1..4"; texts that hold a comma in quotes.
/// Throws ConfigError for a key that is unknown or that has an option of its own, and for values that it does not take.
Sweep parse_sweep(const std::string& text);

/// All of them. Throws ConfigError where a key is swept twice, or is set by one of `settings` ("KEY=VALUE") too.
std::vector<Sweep> parse_sweeps(const std::vector<std::string>& texts, const std::vector<std::string>& settings);

/// How many runs an ensemble may have.
constexpr int64_t most_runs = 10'000;

/// "2 constraints x 3 values of critic.lambda x 5 seeds = 30 runs"; one factor alone: "2 seeds = 2 runs".
std::string describe_product(size_t constraints, const std::vector<Sweep>& sweeps, int64_t seeds);

/// Throws ConfigError, which names the product, where it is above `most_runs`.
void check_product(size_t constraints, const std::vector<Sweep>& sweeps, int64_t seeds);

/// The settings of each combination of values, "KEY=VALUE" by sweep; the last sweep varies fastest. One empty
/// combination where nothing is swept.
std::vector<std::vector<std::string>> combinations(const std::vector<Sweep>& sweeps);

/// The name of a run's folder, which tells its values: "penalty-critic.lambda=0.1-3" for the seed 3; "penalty-3" where
/// nothing is swept. Keys stand in the configuration's order, so that the order of the sweeps does not matter.
std::string run_name(const RunConfig& config, const std::vector<Sweep>& sweeps);

}  // namespace kantor
