// Jobs side by side: processes that are dealt to devices, each in a folder of its own. Studies and ensembles of
// trainings run on it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kantor {

/// How one job ended.
struct JobEnd {
  size_t job = 0;
  std::string device;
  std::string failure;  // empty: it ended well; else "exit code 3", "killed by signal 9"
  int code = 0;         // its exit code, or 128 + signal
  double seconds = 0;
  bool elsewhere = false;  // it was not started: another process holds its folder, or has done it meanwhile
  std::string log;         // of a failed job: the end of its output
};

/// Where all of them are.
struct JobsState {
  std::vector<size_t> running;
  size_t waiting = 0;
  std::optional<double> remaining;  // seconds, an estimate; nullopt: nothing to go by yet
};

struct SideBySideOptions {
  std::vector<std::string> devices;  // at least one; job slots are dealt to them in turn
  size_t jobs = 1;                   // processes side by side, over all devices
  double grace = 0;                  // seconds that a stopped job has between SIGTERM and SIGKILL; 0: none
  /// Prepares a job whose turn has come, and gives the command line that does it; nullopt where nothing is left to do.
  std::function<std::optional<std::vector<std::string>>(size_t job, const std::string& device)> command;
  /// How much of a running job is done, from 0 to 1, for the estimate; unset: unknown until it ends.
  std::function<double(size_t job)> fraction = {};
  std::function<void(const JobEnd&)> on_end = {};
  std::function<void()> on_tick = {};  // about five times a second
  std::function<bool()> should_stop = [] { return false; };
};

class SideBySide {
 public:
  /// Job k works in folders[k], which must exist when it is started, and writes log.txt there.
  SideBySide(std::vector<std::filesystem::path> folders, SideBySideOptions options);
  ~SideBySide();
  SideBySide(const SideBySide&) = delete;
  SideBySide& operator=(const SideBySide&) = delete;

  /// Runs all jobs. False where should_stop ended it; the running jobs are ended then.
  bool go();
  /// For on_tick and on_end.
  [[nodiscard]] JobsState state() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The end of the output of a job in its folder.
std::string log_tail(const std::filesystem::path& folder);

}  // namespace kantor
