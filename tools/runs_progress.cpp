#include "tools/runs_progress.h"

#include "models/files/atomic_file.h"
#include "models/training/metrics_log.h"
#include "tools/duration.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <unistd.h>

namespace kantor {
namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t named = 4;  // of the running ones, in one line

std::string to_go(std::optional<double> remaining) {
  return remaining ? fmt::format(", ETA {}", duration(*remaining)) : "";
}

/// ", W1 0.123" of a run's last evaluation.
std::string w1_of(const std::filesystem::path& folder) {
  const nlohmann::json last = last_metrics(folder);
  if (!last.contains("w1") || !last["w1"].is_number()) return "";
  return fmt::format(", W1 {:.3f}", last["w1"].get<double>());
}

}  // namespace

RunsProgress::RunsProgress(bool quiet) : quiet_(quiet), terminal_(::isatty(STDERR_FILENO) == 1), shown_(Clock::now()) {}

void RunsProgress::show(const RunsState& state) {
  if (quiet_) return;
  if (Clock::now() - shown_ < std::chrono::milliseconds(terminal_ ? 200 : 60'000)) return;
  shown_ = Clock::now();
  std::string text = fmt::format("[{}/{}{}]", state.ended, state.all, to_go(state.remaining));
  for (size_t i = 0; i < std::min(named, state.running.size()); ++i) {
    const RunsState::Running& running = state.running[i];
    text += fmt::format("  {} {}/{}", running.run->name, running.step, running.run->config.steps);
  }
  if (state.running.size() > named) text += fmt::format("  and {} more", state.running.size() - named);
  if (terminal_) {
    fmt::print(stderr, "\r\033[K{}", text);
    open_ = true;
  } else {
    fmt::print(stderr, "{}\n", text);
  }
  std::fflush(stderr);
}

void RunsProgress::show(const RunEnd& end) {
  const std::string place = fmt::format("[{}/{}{}]", end.ended, end.all, to_go(end.remaining));
  if (!end.failure.empty()) {
    finish();
    fmt::print(stderr, "{}: FAILED on {} after {}: {}; the same command tries it again   {}\n{}", end.run->name,
               end.device, duration(end.seconds), end.failure, place, end.log);
  } else if (!end.diverged.empty()) {
    finish();
    fmt::print(stderr, "{} diverged: {} ({})   {}\n", end.run->name, end.diverged, end.run->folder.string(), place);
  } else if (!quiet_) {
    finish();
    if (end.elsewhere) {
      fmt::print(stderr, "{}: left to another process, which trains it or has done so   {}\n", end.run->name, place);
    } else {
      fmt::print(stderr, "{}: done on {} in {}{}   {}\n", end.run->name, end.device, duration(end.seconds),
                 w1_of(end.run->folder), place);
    }
  }
  if (!quiet_ && !end.elsewhere) warn_once(end);
}

void RunsProgress::warn_once(const RunEnd& end) {
  const std::filesystem::path log = end.run->folder / "log.txt";
  std::error_code ignored;
  if (!std::filesystem::exists(log, ignored)) return;
  const std::vector<std::byte> bytes = read_file(log, 1 << 28);
  std::istringstream lines(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("warning: ") && warnings_.insert(line).second) {
      fmt::print(stderr, "{}: {}\n", end.run->name, line);
    }
  }
}

void RunsProgress::finish() {
  if (open_) fmt::print(stderr, "\n");
  open_ = false;
}

}  // namespace kantor
