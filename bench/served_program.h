// ServedProgram: a program that was started to answer a JSON object a line, and that is never trusted to do so.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <sys/types.h>
#include <vector>

namespace kantor {

/// Runs until this object ends, which kills it.
class ServedProgram {
 public:
  /// Starts argv[0], found as a shell finds it, with standard input and output here and its errors kept for messages.
  /// With a processor from 0 on, it and its threads stay on that one. Throws FileError if it cannot be started.
  explicit ServedProgram(std::vector<std::string> argv, int processor = -1);
  ~ServedProgram();
  ServedProgram(const ServedProgram&) = delete;
  ServedProgram& operator=(const ServedProgram&) = delete;

  /// Sends a question and gives its answer. Throws FileError if the program ends, does not answer within `seconds`,
  /// answers with anything but one JSON object in a line, or with {"error"}: the text names it and shows what it said
  /// last.
  nlohmann::json ask(const nlohmann::json& question, double seconds);
  /// The two halves of it, so that two programs can be asked at once.
  void send(const nlohmann::json& question);
  nlohmann::json receive(double seconds);

 private:
  [[noreturn]] void fail(const std::string& what);
  [[nodiscard]] std::string last_words() const;
  std::string line(double seconds);

  std::vector<std::string> argv_;
  pid_t pid_ = -1;
  int socket_ = -1, errors_ = -1;
  std::string waiting_;  // what came after the last line
};

/// The processors that this process may use.
std::vector<int> own_processors();

}  // namespace kantor
