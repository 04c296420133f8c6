#include "tools/comparison.h"

#include "models/ensemble/sweep.h"
#include "models/files/atomic_file.h"
#include "models/files/folder_lock.h"
#include "models/training/config_toml.h"
#include "models/training/resume.h"
#include "models/training/run_folder.h"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <map>
#include <set>
#include <utility>

namespace kantor {
namespace {

namespace fs = std::filesystem;

/// Orders names as people do: digits by their number.
bool natural_less(const std::string& a, const std::string& b) {
  const auto digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (!digit(a[i]) || !digit(b[j])) {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
      continue;
    }
    size_t i_end = i, j_end = j;
    while (i_end < a.size() && digit(a[i_end])) ++i_end;
    while (j_end < b.size() && digit(b[j_end])) ++j_end;
    if (i_end - i != j_end - j) return i_end - i < j_end - j;
    const int order = a.compare(i, i_end - i, b, j, j_end - j);
    if (order != 0) return order < 0;
    i = i_end, j = j_end;
  }
  return a.size() - i < b.size() - j;
}

/// The product's factors, checked and filled in.
struct Factors {
  std::vector<std::string> constraints;
  Numbers seeds;
  std::vector<Sweep> sweeps;
  bool own_seed = false;  // no --seed: the preset's
};

/// The configurations of options, by constraint; options may name a file that is looked at, so each is made once.
class Bases {
 public:
  explicit Bases(const RunArguments& options) : options_(options) {}
  const RunConfig& of(const std::string& constraint) {
    auto found = known_.find(constraint);
    if (found == known_.end()) found = known_.emplace(constraint, options_.run_config(constraint, -1)).first;
    return found->second;
  }

 private:
  const RunArguments& options_;
  std::map<std::string, RunConfig> known_;
};

std::vector<EnsembleRun> product_runs(Bases& bases, const Factors& factors, const fs::path& folder) {
  const std::vector<int64_t> seeds = factors.own_seed ? std::vector<int64_t>{-1} : factors.seeds.all();
  std::vector<EnsembleRun> runs;
  std::set<std::string> names;
  for (const std::string& constraint : factors.constraints) {
    for (const std::vector<std::string>& settings : combinations(factors.sweeps)) {
      RunConfig config = bases.of(constraint);
      for (const std::string& setting : settings) apply_setting(config, setting);
      validate(config);
      for (const int64_t seed : seeds) {
        if (seed >= 0) config.seed = seed;
        const std::string name = run_name(config, factors.sweeps);
        if (!names.insert(name).second) {
          throw ConfigError(fmt::format("{} with seed {} is named twice ({}); each constraint, value and seed once",
                                        config.constraint.kind, config.seed, name));
        }
        runs.push_back({name, folder / name, config});
      }
    }
  }
  return runs;
}

Factors factors_of(const RunArguments& options, const ComparisonArguments& product) {
  Factors factors;
  factors.constraints = product.constraints;
  factors.sweeps = parse_sweeps(product.sweeps, options.settings);
  for (const std::string& text : product.seeds) factors.seeds.append(Numbers::parse(text, "--seed"));
  return factors;
}

/// The constraints and seeds of a folder's runs, where the options name only other factors.
void fill_in(Factors& factors, const std::vector<EnsembleRun>& there) {
  std::set<std::string> constraints;
  std::set<int64_t> seeds;
  for (const EnsembleRun& run : there) {
    constraints.insert(run.config.constraint.kind);
    seeds.insert(run.config.seed);
  }
  if (factors.constraints.empty()) factors.constraints.assign(constraints.begin(), constraints.end());
  if (factors.seeds.count() > 0) return;
  for (const int64_t seed : seeds) factors.seeds.append(Numbers::parse(std::to_string(seed), "--seed"));
}

Comparison whole_product(Bases& bases, Factors factors, const fs::path& folder) {
  if (factors.constraints.empty()) factors.constraints = {"clip", "penalty"};
  factors.own_seed = factors.seeds.count() == 0;
  const int64_t seeds = factors.own_seed ? 1 : factors.seeds.count();
  check_product(factors.constraints.size(), factors.sweeps, seeds);
  return {product_runs(bases, factors, folder), describe_product(factors.constraints.size(), factors.sweeps, seeds),
          false};
}

/// Throws ConfigError if these options differ from those of the comparison: a run that is added with them would be
/// trained differently from the runs that are there. What is swept differs on purpose.
void check_same_options(Bases& bases, const std::vector<Sweep>& sweeps, const std::vector<EnsembleRun>& there,
                        const EnsembleRun& added) {
  for (const EnsembleRun& run : there) {
    RunConfig asked = bases.of(run.config.constraint.kind);
    asked.seed = run.config.seed;
    for (const ConfigChange& change : kept_differences(run.config, asked)) {
      const auto swept = [&](const Sweep& sweep) { return sweep.key == change.key; };
      if (std::any_of(sweeps.begin(), sweeps.end(), swept)) continue;
      throw ConfigError(fmt::format(
          "{} is not in this comparison yet, and would be trained otherwise than {}: {} is {} there, and {} by "
          "these options; repeat the comparison's own options, or leave {} out",
          added.name, run.name, change.key, change.from, change.to, added.name));
    }
  }
}

/// Throws FileError where a run that is there has another configuration than this command gives it.
void check_same_command(const std::vector<EnsembleRun>& asked, const fs::path& folder) {
  for (const EnsembleRun& run : asked) {
    if (!fs::exists(run.folder / "config.toml")) continue;
    const RunConfig own = load_run_config(run.folder);
    std::vector<ConfigChange> changes = kept_differences(own, run.config);
    for (const ConfigChange& change : changeable_differences(own, run.config)) changes.push_back(change);
    if (changes.empty()) continue;
    throw FileError(
        fmt::format("{} holds a comparison already, and this command differs from it: {} of {} is {} there, and {} by "
                    "these options; "
                    "go on with the same command or with --resume, or choose another --out",
                    folder.string(), changes.front().key, run.name, changes.front().from, changes.front().to));
  }
}

std::vector<EnsembleRun> runs_there(const fs::path& folder) {
  std::vector<EnsembleRun> runs;
  for (const fs::path& path : runs_below(folder))
    runs.push_back({path.filename().string(), path, load_run_config(path)});
  return runs;
}

bool is_there(const EnsembleRun& run) {
  return fs::exists(run.folder / "config.toml");
}

Comparison plan_resume(const RunArguments& options, const ComparisonArguments& product, const fs::path& folder) {
  std::vector<EnsembleRun> there = runs_there(folder);
  if (there.empty()) throw FileError(fmt::format("{}: no comparison to go on with", folder.string()));
  Factors factors = factors_of(options, product);
  const bool all = product.constraints.empty() && product.seeds.empty() && product.sweeps.empty();
  Bases bases(options);
  Comparison comparison;
  if (all) {
    comparison.product = fmt::format("{} run{}", there.size(), there.size() == 1 ? "" : "s");
    comparison.runs = there;
  } else {
    fill_in(factors, there);
    comparison = whole_product(bases, factors, folder);
  }
  comparison.resumed = true;
  bool checked = false;
  for (EnsembleRun& run : comparison.runs) {
    if (is_there(run)) {
      run.config = options.resumed_run(run.folder, "", -1).config;
    } else if (!std::exchange(checked, true)) {
      check_same_options(bases, factors.sweeps, there, run);
    }
  }
  return comparison;
}

}  // namespace

std::vector<fs::path> runs_below(const fs::path& folder) {
  std::vector<fs::path> runs;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (fs::exists(entry.path() / "config.toml", ignored)) runs.push_back(entry.path());
  }
  std::sort(runs.begin(), runs.end(), [](const fs::path& a, const fs::path& b) {
    return natural_less(a.filename().string(), b.filename().string());
  });
  return runs;
}

Comparison plan_comparison(const RunArguments& options, const ComparisonArguments& product, const fs::path& folder) {
  if (options.resume) return plan_resume(options, product, folder);
  Bases bases(options);
  const Factors factors = factors_of(options, product);
  Comparison comparison = whole_product(bases, factors, folder);
  check_same_command(comparison.runs, folder);
  const auto added = std::find_if_not(comparison.runs.begin(), comparison.runs.end(), is_there);
  if (added != comparison.runs.end()) check_same_options(bases, factors.sweeps, runs_there(folder), *added);
  return comparison;
}

void make_run_folders(const Comparison& comparison, const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw FileError(fmt::format("cannot make {}: {}", folder.string(), error.message()));
  const FolderLock among_shards(folder, FolderLock::Mode::waiting);
  if (!comparison.resumed) check_same_command(comparison.runs, folder);
  for (const EnsembleRun& run : comparison.runs) {
    if (is_there(run)) continue;
    fs::create_directories(run.folder, error);
    if (error) throw FileError(fmt::format("cannot make {}: {}", run.folder.string(), error.message()));
    write_file_atomically(run.folder / "config.toml", to_toml(run.config, true));
  }
}

}  // namespace kantor
