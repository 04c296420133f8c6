#include "models/ensemble/children.h"

#include "engine/error.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace kantor {
namespace {

/// Runs in the child, between fork and exec, and does only what is safe there.
[[noreturn]] void become(char* const* argv, int output, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);  // it died before prctl
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::execv(argv[0], argv);
  ::_exit(127);
}

}  // namespace

Children::~Children() {
  stop();
}

void Children::start(size_t key, const std::vector<std::string>& argv, const std::filesystem::path& output) {
  const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) throw Error(fmt::format("cannot write {}: {}", output.string(), std::strerror(errno)));
  std::vector<char*> words;
  words.reserve(argv.size() + 1);
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t parent = ::getpid(), pid = ::fork();
  if (pid == 0) become(words.data(), file, parent);
  ::close(file);
  if (pid < 0) throw Error(fmt::format("cannot start {}: {}", argv[0], std::strerror(errno)));
  pids_.emplace(pid, key);
}

std::optional<Children::End> Children::poll() {
  for (auto child = pids_.begin(); child != pids_.end(); ++child) {
    int status = 0;
    if (::waitpid(child->first, &status, WNOHANG) != child->first) continue;
    End end{child->second, "", 0};
    if (WIFSIGNALED(status)) {
      end.failure = fmt::format("killed by signal {}", WTERMSIG(status));
      end.code = 128 + WTERMSIG(status);
    } else if (WEXITSTATUS(status) != 0) {
      end.failure = fmt::format("exit code {}", WEXITSTATUS(status));
      end.code = WEXITSTATUS(status);
    }
    pids_.erase(child);
    return end;
  }
  return std::nullopt;
}

void Children::stop(double grace) {
  if (grace > 0) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(grace);
    for (const auto& [pid, key] : pids_) ::kill(pid, SIGTERM);
    while (!pids_.empty() && std::chrono::steady_clock::now() < end) {
      if (!poll()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  for (const auto& [pid, key] : pids_) ::kill(pid, SIGKILL);  // results are written whole or not at all
  for (const auto& [pid, key] : pids_) ::waitpid(pid, nullptr, 0);
  pids_.clear();
}

}  // namespace kantor
