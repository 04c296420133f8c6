// Children: processes side by side, each with its output in a file of its own.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace kantor {

class Children {
 public:
  Children() = default;
  /// Kills the processes that still run.
  ~Children();
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  /// Starts argv[0], a path, in a process group of its own, so that we decide about a terminal's Ctrl-C; it ends
  /// when this process does. Throws Error where it cannot be started.
  void start(size_t key, const std::vector<std::string>& argv, const std::filesystem::path& output);
  [[nodiscard]] size_t running() const { return pids_.size(); }

  struct End {
    size_t key;
    std::string failure;  // empty: exit code 0; else "exit code 5", "killed by signal 9"
    int code = 0;         // exit code, or 128 + signal
  };
  /// A process that has ended since the last call; nullopt if none has. Does not wait.
  std::optional<End> poll();
  /// Ends all and waits for them: asks by SIGTERM, and kills what still runs after `grace` seconds; 0 kills at once.
  void stop(double grace = 0);

 private:
  std::map<pid_t, size_t> pids_;
};

}  // namespace kantor
