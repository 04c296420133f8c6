// The program as a user runs it, for tests: started, waited for with a limit, its output and its run folder read.
#pragma once

#include "tests/catch.h"

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <sys/types.h>
#include <vector>

namespace kantor {

/// A temporary folder, removed at the end.
struct ProgramFolder {
  std::filesystem::path path;
  ProgramFolder();
  ~ProgramFolder();
  ProgramFolder(const ProgramFolder&) = delete;
  ProgramFolder& operator=(const ProgramFolder&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return (path / name).string(); }
  /// Writes a file and gives its path.
  [[nodiscard]] std::string file(const std::string& name, const std::string& content) const;
};

std::string text_of(const std::filesystem::path& path);

/// A started program; killed at the end where it still runs.
class Program {
 public:
  explicit Program(const std::vector<std::string>& arguments);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void send(int signal) const;
  [[nodiscard]] pid_t id() const { return pid_; }
  /// Exit code, 128 + signal where one ended it; -1 after `seconds`.
  int wait(double seconds = 120);
  [[nodiscard]] std::string out() const;
  [[nodiscard]] std::string err() const;

 private:
  std::filesystem::path output_;  // + .out, .err
  pid_t pid_ = -1;
};

struct ProgramResult {
  int code;
  std::string out, err;
};
ProgramResult run_kantor(const std::vector<std::string>& arguments);
/// Checks that the program exits with `code`, and that its error contains every text.
void check_refused(const std::vector<std::string>& arguments, int code, const std::vector<std::string>& texts);

/// Arguments of a training whose steps take milliseconds.
std::vector<std::string> tiny_training(const std::string& out, const std::vector<std::string>& more = {});

/// Parts of a run folder: the newest checkpoint; the lines of metrics.jsonl; these without times, which differ by run.
std::filesystem::path newest(const std::filesystem::path& run);
std::vector<nlohmann::json> lines_of(const std::filesystem::path& run);
std::vector<nlohmann::json> timeless_lines_of(const std::filesystem::path& run);

/// Waits until the condition holds; false after a minute.
bool wait_for(const std::function<bool()>& condition);

}  // namespace kantor
