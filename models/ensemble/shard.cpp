#include "models/ensemble/shard.h"

#include "models/training/config.h"

#include <charconv>
#include <cstdlib>
#include <fmt/format.h>
#include <optional>
#include <string_view>
#include <utility>

namespace kantor {
namespace {

constexpr int64_t most_shards = 1'000'000;

std::optional<int64_t> whole_number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The number in a variable; nullopt where it is not set or empty. Throws ConfigError for what is no number.
std::optional<int64_t> number_in(const Environment& environment, const char* name) {
  const char* text = environment(name);
  if (text == nullptr || *text == '\0') return std::nullopt;
  const std::optional<int64_t> value = whole_number(text);
  if (!value) {
    throw ConfigError(
        fmt::format("{} = {}: expected a number; give --shard I/N, or --shard 1/1 for all runs", name, text));
  }
  return value;
}

Shard checked(int64_t index, int64_t count, const std::string& source, const std::string& found) {
  if (count < 1 || count > most_shards || index < 1 || index > count) {
    throw ConfigError(
        fmt::format("{}: that is part {} of {}; expected part I of N with 1 <= I <= N <= {}; give --shard I/N, or "
                    "--shard 1/1 for all runs",
                    found, index, count, most_shards));
  }
  return {index, count, count == 1 ? "" : source};
}

/// The task of a Slurm array. An array with gaps ("1,4,9") has no numbers that could be counted.
Shard array_task(const Environment& environment) {
  const auto task = number_in(environment, "SLURM_ARRAY_TASK_ID");
  const auto count = number_in(environment, "SLURM_ARRAY_TASK_COUNT");
  if (!task || !count) return {};
  const int64_t first = number_in(environment, "SLURM_ARRAY_TASK_MIN").value_or(0);
  const int64_t step = number_in(environment, "SLURM_ARRAY_TASK_STEP").value_or(1);
  const std::string found =
      fmt::format("SLURM_ARRAY_TASK_ID = {} of {} tasks from {} on in steps of {}", *task, *count, first, step);
  if (step < 1 || (*task - first) % step != 0) return checked(0, *count, "", found);
  return checked((*task - first) / step + 1, *count, "SLURM_ARRAY_TASK_ID", found);
}

/// The rank of a launch by MPI or srun.
Shard rank(const Environment& environment) {
  for (const auto& [mine, all] : {std::pair{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                  std::pair{"PMI_RANK", "PMI_SIZE"}, std::pair{"SLURM_PROCID", "SLURM_NTASKS"}}) {
    const auto index = number_in(environment, mine), count = number_in(environment, all);
    if (index && count)
      return checked(*index + 1, *count, mine, fmt::format("{} = {}, {} = {}", mine, *index, all, *count));
  }
  return {};
}

}  // namespace

Shard parse_shard(const std::string& text) {
  const size_t slash = text.find('/');
  if (slash != std::string::npos) {
    const auto index = whole_number(std::string_view(text).substr(0, slash));
    const auto count = whole_number(std::string_view(text).substr(slash + 1));
    if (index && count && *index >= 1 && *index <= *count && *count <= most_shards) return {*index, *count, "--shard"};
  }
  throw ConfigError(fmt::format(
      "--shard {}: expected I/N with 1 <= I <= N <= {}, such as 1/4: the runs number I, I + N, ... counted from 1",
      text, most_shards));
}

Shard shard_of_environment(const Environment& environment) {
  const Shard task = array_task(environment), part = rank(environment);
  if (task.whole()) return part;
  if (part.whole()) return task;
  return {(task.index - 1) * part.count + part.index, task.count * part.count, task.source + " and " + part.source};
}

Shard choose_shard(const std::string& option) {
  return option.empty() ? shard_of_environment([](const char* name) -> const char* { return std::getenv(name); })
                        : parse_shard(option);
}

}  // namespace kantor
