// Threads of the host: the pool that the engine and the simulator share, and how many threads it has at the start.
#include "engine/device.h"
#include "engine/threads.h"
#include "kernels/host/available_memory.h"
#include "kernels/host/processors.h"
#include "kernels/host/threads.h"
#include "tests/catch.h"
#include "tests/program.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace kantor;

namespace {

namespace fs = std::filesystem;

/// While it lives, work may use that many threads.
class Threads {
 public:
  explicit Threads(int count) { set_threads(count); }
  ~Threads() { set_threads(previous_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int previous_ = threads();
};

/// How often each piece ran.
std::vector<int> counts_of(int64_t pieces) {
  std::vector<std::atomic<int>> counts(static_cast<size_t>(pieces));
  host::for_each_piece(pieces, [&](int64_t p) { ++counts[static_cast<size_t>(p)]; });
  return {counts.begin(), counts.end()};
}

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

int threads_of_doctor(const char* wanted) {
  if (wanted != nullptr) {
    setenv("OMP_NUM_THREADS", wanted, 1);
  } else {
    unsetenv("OMP_NUM_THREADS");
  }
  return nlohmann::json::parse(run_kantor({"doctor", "--json"}).out)["threads"].get<int>();
}

/// The most threads that a training on the simulator was seen with.
size_t threads_of_training(const std::string& count) {
  const ProgramFolder folder;
  Program program(tiny_training(folder / "run", {"--device", "sim", "--threads", count, "--set", "train.steps=8"}));
  size_t most = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(100);
  for (int code = -1; code == -1 && std::chrono::steady_clock::now() < end; code = program.wait(0.005)) {
    std::error_code gone;
    const fs::directory_iterator tasks("/proc/" + std::to_string(program.id()) + "/task", gone);
    if (!gone) most = std::max(most, static_cast<size_t>(std::distance(tasks, fs::directory_iterator())));
  }
  return most;
}

}  // namespace

TEST_CASE("threads: every piece runs once, for any number of threads and pieces") {
  for (const int count : {1, 2, 3, 8}) {
    const Threads scope(count);
    for (const int64_t pieces : {0, 1, 2, 3, 7, 64, 1000}) {
      for (int repeat = 0; repeat < 50; ++repeat) {
        CHECK(counts_of(pieces) == std::vector<int>(static_cast<size_t>(pieces), 1));
      }
    }
  }
}

TEST_CASE("threads: pieces within pieces and callers side by side are safe") {
  const Threads scope(3);
  std::vector<std::thread> callers;
  std::atomic<int64_t> total{0};
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int repeat = 0; repeat < 200; ++repeat) {
        host::for_each_piece(5, [&](int64_t) { host::for_each_piece(3, [&](int64_t p) { total += p; }); });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(total == 4 * 200 * 5 * 3);
}

TEST_CASE("threads: the exception of the lowest piece is rethrown, whoever is first, and the next job runs") {
  for (const int count : {1, 4}) {
    const Threads scope(count);
    for (int repeat = 0; repeat < 300; ++repeat) {
      std::string what;
      try {
        host::for_each_piece(200, [](int64_t p) {
          if (p == 9) std::this_thread::yield();  // delays the lowest one
          if (p >= 9 && p % 3 == 0) throw std::runtime_error("piece " + std::to_string(p));
        });
      } catch (const std::runtime_error& error) {
        what = error.what();
      }
      REQUIRE(what == "piece 9");
    }
    CHECK(counts_of(10) == std::vector<int>(10, 1));
  }
}

TEST_CASE("threads: those without work sleep, and a job waits for none of them") {
  const Threads scope(32);
  counts_of(64);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  CHECK(static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC < 0.03);
  // Far more threads than processors: a job that waited for each to wake up would take some slices of the scheduler.
  const auto start = std::chrono::steady_clock::now();
  for (int job = 0; job < 500; ++job) counts_of(32);
  CHECK(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < 5);
}

TEST_CASE("memory: what the host has free, or what a container's groups leave of cgroup v2 and v1") {
  const ProgramFolder folder;
  const auto available = [&](const std::string& name, const std::vector<std::pair<std::string, std::string>>& files) {
    for (const auto& [path, text] : files) write(folder.path / name / path, text);
    return host::available_memory(folder.path / name);
  };
  const std::string groups = "proc/self/cgroup", v2 = "sys/fs/cgroup/", v1 = "sys/fs/cgroup/memory/";
  const std::pair<std::string, std::string> host_has{"proc/meminfo", "MemTotal: 9000 kB\nMemAvailable:    4000 kB\n"};
  CHECK(available("untold", {}) == INT64_MAX);
  CHECK(available("host", {host_has}) == 4000 * 1024);
  CHECK(available("unlimited",
                  {host_has, {groups, "0::/a\n"}, {v2 + "a/memory.max", "max\n"}, {v2 + "a/memory.current", "5\n"}}) ==
        4000 * 1024);
  CHECK(available("above", {host_has,
                            {groups, "0::/a/b\n"},
                            {v2 + "a/memory.max", "1000000\n"},
                            {v2 + "a/memory.current", "400000\n"},
                            {v2 + "a/b/memory.max", "2000000\n"},
                            {v2 + "a/b/memory.current", "300000\n"}}) == 600000);
  CHECK(available("full", {{groups, "0::/\n"}, {v2 + "memory.max", "10\n"}, {v2 + "memory.current", "12\n"}}) == 0);
  CHECK(available("v1", {host_has,
                         {groups, "5:memory:/m\n0::/\n"},
                         {v1 + "m/memory.limit_in_bytes", "700000\n"},
                         {v1 + "m/memory.usage_in_bytes", "200000\n"}}) == 500000);
  CHECK(host::available_memory() > 0);
}

TEST_CASE("threads: a container's CPU quota counts, of cgroup v2 and v1, rounded up, of the groups above too") {
  const ProgramFolder folder;
  const auto quota = [&](const std::string& name, const std::vector<std::pair<std::string, std::string>>& files) {
    for (const auto& [path, text] : files) write(folder.path / name / path, text);
    return host::cpu_quota(folder.path / name);
  };
  const std::string groups = "proc/self/cgroup", v2 = "sys/fs/cgroup/";
  CHECK(quota("none", {}) == 0);
  CHECK(quota("unlimited", {{groups, "0::/a\n"}, {v2 + "a/cpu.max", "max 100000\n"}}) == 0);
  CHECK(quota("half", {{groups, "0::/\n"}, {v2 + "cpu.max", "50000 100000\n"}}) == 1);
  CHECK(quota("up", {{groups, "0::/\n"}, {v2 + "cpu.max", "250000 100000\n"}}) == 3);
  CHECK(quota("above", {{groups, "0::/a/b\n"},
                        {v2 + "a/cpu.max", "200000 100000\n"},
                        {v2 + "a/b/cpu.max", "400000 100000\n"}}) == 2);
  CHECK(quota("hidden", {{groups, "0::/docker/1234\n"}, {v2 + "cpu.max", "300000 100000\n"}}) == 3);
  const std::string v1 = "sys/fs/cgroup/cpu,cpuacct/";
  CHECK(quota("v1", {{groups, "5:memory:/m\n4:cpu,cpuacct:/c\n0::/\n"},
                     {v1 + "c/cpu.cfs_quota_us", "150000\n"},
                     {v1 + "c/cpu.cfs_period_us", "100000\n"}}) == 2);
  CHECK(quota("v1 unlimited", {{groups, "4:cpu,cpuacct:/c\n"},
                               {v1 + "c/cpu.cfs_quota_us", "-1\n"},
                               {v1 + "c/cpu.cfs_period_us", "100000\n"}}) == 0);
  CHECK(quota("v1 link", {{groups, "4:cpu:/\n"},
                          {"sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n"},
                          {"sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}}) == 1);
  CHECK(quota("nonsense", {{groups, "0::/\nx\n:\n"}, {v2 + "cpu.max", "many 100000\n"}}) == 0);
}

TEST_CASE("threads: the start is OMP_NUM_THREADS, at most the processors of this process") {
  const char* set = std::getenv("OMP_NUM_THREADS");
  const std::string before = set != nullptr ? set : "";
  const int processors = host::available_processors();
  CHECK(processors >= 1);
  CHECK(threads_of_doctor(nullptr) == processors);
  CHECK(threads_of_doctor("1") == 1);
  CHECK(threads_of_doctor("1,4") == 1);
  CHECK(threads_of_doctor("100000") == processors);
  for (const char* nonsense : {"", "-3", "0", "many"}) CHECK(threads_of_doctor(nonsense) == processors);
  if (set != nullptr) {
    setenv("OMP_NUM_THREADS", before.c_str(), 1);
  } else {
    unsetenv("OMP_NUM_THREADS");
  }
}

TEST_CASE("threads: the simulator has as many as --threads says") {
  const size_t one = threads_of_training("1");
  CHECK(one >= 1);
  CHECK(one <= 2);  // the main thread, and the loader of batches
  CHECK(threads_of_training("4") == one + 3);
}
