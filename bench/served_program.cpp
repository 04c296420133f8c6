#include "bench/served_program.h"

#include "models/files/file_error.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kantor {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr size_t longest_line = size_t{1} << 20;
constexpr int not_started = 127;  // exit code of a child that could not become the program, as a shell's

/// Runs in the child, between fork and exec, and does only what is safe there.
[[noreturn]] void become(char* const* argv, int talk, int errors, int processor, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(not_started);  // it died before prctl
  if (processor >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<size_t>(processor), &set);
    ::sched_setaffinity(0, sizeof set, &set);
  }
  ::dup2(talk, STDIN_FILENO);
  ::dup2(talk, STDOUT_FILENO);
  ::dup2(errors, STDERR_FILENO);
  ::execvp(argv[0], argv);
  ::_exit(not_started);
}

/// At most so many characters of the end of a text, without the line ends there.
std::string tail(std::string text, size_t length) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.pop_back();
  return text.size() <= length ? text : "..." + text.substr(text.size() - length);
}

}  // namespace

ServedProgram::ServedProgram(std::vector<std::string> argv, int processor) : argv_(std::move(argv)) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    throw FileError(fmt::format("cannot start {}: {}", argv_[0], std::strerror(errno)));
  }
  errors_ = ::memfd_create("errors", MFD_CLOEXEC);
  std::vector<char*> words;
  words.reserve(argv_.size() + 1);
  for (const std::string& word : argv_) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) become(words.data(), ends[1], errors_, processor, parent);
  ::close(ends[1]);
  socket_ = ends[0];
  if (pid_ < 0) throw FileError(fmt::format("cannot start {}: {}", argv_[0], std::strerror(errno)));
}

ServedProgram::~ServedProgram() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  if (socket_ >= 0) ::close(socket_);
  if (errors_ >= 0) ::close(errors_);
}

std::string ServedProgram::last_words() const {
  std::string text(2000, '\0');
  const off_t end = ::lseek(errors_, 0, SEEK_END);
  const off_t from = std::max<off_t>(0, end - static_cast<off_t>(text.size()));
  const ssize_t read = ::pread(errors_, text.data(), text.size(), from);
  text.resize(read > 0 ? static_cast<size_t>(read) : 0);
  return tail(text, 400);
}

void ServedProgram::fail(const std::string& what) {
  const std::string said = last_words();
  throw FileError(
      fmt::format("{} {}{}", fmt::join(argv_, " "), what, said.empty() ? "" : "; its errors end with: " + said));
}

void ServedProgram::send(const json& question) {
  const std::string text = question.dump() + "\n";
  size_t sent = 0;
  while (sent < text.size()) {
    const ssize_t n = ::send(socket_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return;  // it ended: receive() says how
    sent += static_cast<size_t>(n);
  }
}

std::string ServedProgram::line(double seconds) {
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  for (;;) {
    if (const size_t at = waiting_.find('\n'); at != std::string::npos) {
      std::string found = waiting_.substr(0, at);
      waiting_.erase(0, at + 1);
      return found;
    }
    if (waiting_.size() > longest_line) fail("answered with a line that does not end");
    const double left = std::chrono::duration<double>(end - Clock::now()).count();
    pollfd waited{socket_, POLLIN, 0};
    const int ready = left <= 0 ? 0 : ::poll(&waited, 1, static_cast<int>(1000 * left) + 1);
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) fail(fmt::format("did not answer within {:.3g} s", seconds));
    char piece[65536];
    const ssize_t n = ::recv(socket_, piece, sizeof piece, 0);
    if (n > 0) {
      waiting_.append(piece, static_cast<size_t>(n));
    } else if (n == 0 || errno != EINTR) {
      int status = 0;
      pid_t ended = ::waitpid(pid_, &status, WNOHANG);  // it has ended, or is about to, or has only closed its output
      for (int tries = 0; tries < 100 && ended == 0; ++tries) {
        ::usleep(10'000);
        ended = ::waitpid(pid_, &status, WNOHANG);
      }
      if (ended == 0) fail("closed its output before it had answered");
      pid_ = -1;
      if (WIFSIGNALED(status)) fail(fmt::format("was killed by signal {} before it had answered", WTERMSIG(status)));
      if (WEXITSTATUS(status) == not_started) fail("could not be started");
      fail(fmt::format("ended with exit code {} before it had answered", WEXITSTATUS(status)));
    }
  }
}

json ServedProgram::receive(double seconds) {
  const std::string text = line(seconds);
  json answer = json::parse(text, nullptr, false);
  if (!answer.is_object()) fail(fmt::format("answered '{}'; expected a JSON object", text.substr(0, 80)));
  if (answer.contains("error")) fail(fmt::format("answered with an error: {}", answer["error"].dump()));
  return answer;
}

json ServedProgram::ask(const json& question, double seconds) {
  send(question);
  return receive(seconds);
}

std::vector<int> own_processors() {
  std::vector<int> found;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return found;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(static_cast<size_t>(i), &set)) found.push_back(i);
  }
  return found;
}

}  // namespace kantor
