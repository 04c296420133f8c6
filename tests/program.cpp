#include "tests/program.h"

#include "tests/paths.h"

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace kantor {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Clock = std::chrono::steady_clock;

fs::path unique_path(const std::string& kind) {
  static int count = 0;
  return fs::temp_directory_path() /
         ("kantor-" + kind + "-" + std::to_string(getpid()) + "-" + std::to_string(++count));
}

}  // namespace

ProgramFolder::ProgramFolder() : path(unique_path("folder")) {
  fs::create_directories(path);
}

ProgramFolder::~ProgramFolder() {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

std::string ProgramFolder::file(const std::string& name, const std::string& content) const {
  std::ofstream(path / name, std::ios::binary) << content;
  return *this / name;
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Program::Program(const std::vector<std::string>& arguments) : output_(unique_path("output")) {
  pid_ = fork();
  if (pid_ != 0) return;
  for (const auto& [descriptor, suffix] : {std::pair{1, ".out"}, std::pair{2, ".err"}}) {
    const int file = open((output_.string() + suffix).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(file, descriptor);
  }
  const std::string program = program_path().string();
  std::vector<char*> words{const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  execv(program.c_str(), words.data());
  _exit(127);
}

Program::~Program() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  fs::remove(output_.string() + ".out", ignored);
  fs::remove(output_.string() + ".err", ignored);
}

void Program::send(int signal) const {
  kill(pid_, signal);
}

int Program::wait(double seconds) {
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  int status = 0;
  while (waitpid(pid_, &status, WNOHANG) == 0) {
    if (Clock::now() > end) return -1;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string Program::out() const {
  return text_of(output_.string() + ".out");
}
std::string Program::err() const {
  return text_of(output_.string() + ".err");
}

ProgramResult run_kantor(const std::vector<std::string>& arguments) {
  Program program(arguments);
  const int code = program.wait();
  return {code, program.out(), program.err()};
}

void check_refused(const std::vector<std::string>& arguments, int code, const std::vector<std::string>& texts) {
  const ProgramResult result = run_kantor(arguments);
  INFO(json(arguments).dump(-1, ' ', false, json::error_handler_t::replace) << "\n" << result.err);
  CHECK(result.code == code);
  for (const std::string& text : texts) CHECK_THAT(result.err, kantor::Contains(text));
}

std::vector<std::string> tiny_training(const std::string& out, const std::vector<std::string>& more) {
  std::vector<std::string> words{"train", "--out", out, "--quiet"};
  for (const char* setting : {"train.steps=30", "train.batch=16", "generator.width=8", "critic.width=8",
                              "eval.samples=32", "eval.every=10", "checkpoint.every=10", "sample.every=15"}) {
    words.insert(words.end(), {"--set", setting});
  }
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

fs::path newest(const fs::path& run) {
  fs::path result;
  for (const auto& entry : fs::directory_iterator(run / "checkpoints")) result = std::max(result, entry.path());
  return result;
}

std::vector<json> lines_of(const fs::path& run) {
  std::vector<json> lines;
  std::ifstream file(run / "metrics.jsonl");
  for (std::string line; std::getline(file, line);) lines.push_back(json::parse(line));
  return lines;
}

std::vector<json> timeless_lines_of(const fs::path& run) {
  std::vector<json> lines = lines_of(run);
  for (json& line : lines) {
    line.erase("seconds");
    line.erase("step_milliseconds");
  }
  return lines;
}

bool wait_for(const std::function<bool()>& condition) {
  const auto end = Clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace kantor
