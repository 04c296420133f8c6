// Runs that are interrupted, killed, doubled or damaged: nothing is lost, and resuming gives the same bytes.
#include "tests/program.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

using namespace kantor;
namespace fs = std::filesystem;

using Clock = std::chrono::steady_clock;

TEST_CASE("program: two runs in one folder: the second is refused") {
  const ProgramFolder folder;
  const std::string run = folder / "run";
  Program first(tiny_training(run, {"--set", "train.steps=1000000"}));
  REQUIRE(wait_for([&] { return fs::exists(run + "/checkpoints/step-0000010.safetensors"); }));
  auto again = tiny_training(run);
  again.push_back("--resume");
  check_refused(again, 3, {"another process"});
  first.send(SIGTERM);
  CHECK(first.wait(10) == 143);
}

TEST_CASE("program: SIGINT and SIGTERM leave a checkpoint that resumes bit for bit") {
  const ProgramFolder folder;
  const std::vector<std::string> steps{"--set", "train.steps=300", "--set", "checkpoint.every=1000"};
  REQUIRE(run_kantor(tiny_training(folder / "whole", steps)).code == 0);
  for (const auto& [signal, code] : {std::pair{SIGINT, 130}, std::pair{SIGTERM, 143}}) {
    const std::string run = folder / std::to_string(code);
    Program program(tiny_training(run, steps));
    REQUIRE(wait_for([&] {  // whole lines: the last one may be incomplete
      const std::string text = fs::exists(run + "/metrics.jsonl") ? text_of(run + "/metrics.jsonl") : "";
      return std::count(text.begin(), text.end(), '\n') > 3;
    }));
    const auto sent = Clock::now();
    program.send(signal);
    CHECK(program.wait(10) == code);
    CHECK(Clock::now() - sent < std::chrono::seconds(5));
    REQUIRE(fs::exists(newest(run)));
    const ProgramResult resumed = run_kantor({"train", "--resume", "--out", run, "--quiet"});
    INFO(resumed.err);
    CHECK(resumed.code == 0);
    CHECK(text_of(newest(run)) == text_of(newest(folder / "whole")));
    CHECK(timeless_lines_of(run) == timeless_lines_of(folder / "whole"));
  }
}

TEST_CASE("program: killed at any moment, it resumes from a whole checkpoint to the same bytes") {
  const ProgramFolder folder;
  const std::vector<std::string> steps{"--set", "train.steps=120", "--set", "checkpoint.every=5"};
  REQUIRE(run_kantor(tiny_training(folder / "whole", steps)).code == 0);
  const std::string expected = text_of(newest(folder / "whole"));
  const std::string run = folder / "killed";
  for (int moment = 0; moment < 12; ++moment) {
    std::vector<std::string> words = tiny_training(run, steps);
    if (fs::exists(run + "/config.toml")) words.emplace_back("--resume");
    Program program(words);
    std::this_thread::sleep_for(std::chrono::milliseconds(40 + moment * 37 % 150));
    program.send(SIGKILL);
    program.wait(10);
  }
  std::vector<std::string> words = tiny_training(run, steps);
  if (fs::exists(run + "/config.toml")) words.emplace_back("--resume");
  const ProgramResult result = run_kantor(words);
  INFO(result.err);
  CHECK(result.code == 0);
  CHECK(text_of(newest(run)) == expected);
  CHECK(timeless_lines_of(run) == timeless_lines_of(folder / "whole"));
}

TEST_CASE("program: a damaged or foreign checkpoint is refused, the one before it serves") {
  const ProgramFolder folder;
  const std::string run = folder / "run";
  REQUIRE(run_kantor(tiny_training(run)).code == 0);
  std::string bytes = text_of(newest(run));
  bytes[bytes.size() - 100] = static_cast<char>(bytes[bytes.size() - 100] ^ 4);
  const std::string damaged = folder.file("damaged.safetensors", bytes);
  check_refused({"inspect", damaged}, 3, {"damaged.safetensors", "SHA-256"});
  check_refused({"sample", damaged, "--out", folder / "s.npy"}, 3, {"SHA-256"});
  std::ofstream(newest(run), std::ios::binary) << bytes;
  const ProgramResult result = run_kantor({"train", "--resume", "--out", run, "--set", "train.steps=40", "--quiet"});
  INFO(result.err);
  CHECK(result.code == 0);
  CHECK(lines_of(run).back()["step"] == 40);
}

TEST_CASE("program: a folder that cannot be written to, or goes away, is told") {
  const ProgramFolder folder;
  check_refused(tiny_training(folder.file("plain", "") + "/run"), 3, {"plain"});
  const std::string run = folder / "gone";
  Program program(tiny_training(run, {"--set", "train.steps=100000"}));
  REQUIRE(wait_for([&] { return fs::exists(run + "/checkpoints/step-0000010.safetensors"); }));
  fs::rename(run, folder / "moved");
  CHECK(program.wait(30) == 3);
  CHECK_THAT(program.err(), Contains("gone"));
}
