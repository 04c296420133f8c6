#include "models/ensemble/side_by_side.h"

#include "models/ensemble/children.h"
#include "models/files/atomic_file.h"
#include "models/files/folder_lock.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <thread>
#include <utility>

namespace kantor {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr size_t log_limit = 1 << 28, log_kept = 2000;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

std::string log_tail(const fs::path& folder) {
  try {
    const std::vector<std::byte> bytes = read_file(folder / "log.txt", log_limit);
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return text.size() <= log_kept ? text : "..." + text.substr(text.size() - log_kept);
  } catch (const FileError&) {
    return "";
  }
}

struct SideBySide::State {
  struct Running {
    size_t slot = 0;
    Clock::time_point start = {};
  };

  std::vector<fs::path> folders;
  SideBySideOptions options;
  Children children;
  std::deque<size_t> waiting;
  std::map<size_t, Running> running;  // by job
  std::vector<bool> taken;            // slots: slot s belongs to device s modulo their number
  double spent = 0;                   // seconds of the jobs that have ended
  size_t ended = 0;

  [[nodiscard]] const std::string& device_of(size_t slot) const {
    return options.devices[slot % options.devices.size()];
  }

  void tell(JobEnd end) {
    if (options.on_end) options.on_end(end);
  }

  void start_next() {
    const size_t job = waiting.front();
    waiting.pop_front();
    const auto slot = static_cast<size_t>(std::find(taken.begin(), taken.end(), false) - taken.begin());
    JobEnd none;
    none.job = job;
    none.device = device_of(slot);
    none.elsewhere = true;
    if (is_locked(folders[job])) return tell(none);
    const auto command = options.command(job, none.device);
    if (!command) return tell(none);
    taken[slot] = true;
    running[job] = {slot, Clock::now()};
    children.start(job, *command, folders[job] / "log.txt");
  }

  void take(const Children::End& child) {
    const Running was = running.at(child.key);
    JobEnd end;
    end.job = child.key;
    end.device = device_of(was.slot);
    end.failure = child.failure;
    end.code = child.code;
    end.seconds = seconds_since(was.start);
    if (!end.failure.empty()) end.log = log_tail(folders[child.key]);
    running.erase(child.key);
    taken[was.slot] = false;
    spent += end.seconds;
    ++ended;
    tell(std::move(end));
  }

  /// Seconds that one whole job takes; nullopt before anything is known.
  [[nodiscard]] std::optional<double> seconds_a_job() const {
    double seconds = spent, done = static_cast<double>(ended);
    if (options.fraction) {
      for (const auto& [job, run] : running) {
        seconds += seconds_since(run.start);
        done += options.fraction(job);
      }
    }
    if (done < 1e-6) return std::nullopt;
    return seconds / done;
  }
};

SideBySide::SideBySide(std::vector<fs::path> folders, SideBySideOptions options) : state_(std::make_unique<State>()) {
  state_->folders = std::move(folders);
  state_->options = std::move(options);
  state_->taken.resize(std::max<size_t>(1, state_->options.jobs), false);
  for (size_t job = 0; job < state_->folders.size(); ++job) state_->waiting.push_back(job);
}

SideBySide::~SideBySide() = default;

bool SideBySide::go() {
  State& s = *state_;
  auto ticked = Clock::now();
  while (!s.waiting.empty() || !s.running.empty()) {
    if (s.options.should_stop()) {
      s.children.stop(s.options.grace);
      return false;
    }
    if (!s.waiting.empty() && s.running.size() < s.taken.size()) {
      s.start_next();
      continue;
    }
    if (const auto end = s.children.poll()) {
      s.take(*end);
      continue;
    }
    if (s.options.on_tick && seconds_since(ticked) >= 0.2) {
      s.options.on_tick();
      ticked = Clock::now();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

JobsState SideBySide::state() const {
  const State& s = *state_;
  JobsState now;
  now.waiting = s.waiting.size();
  double left = static_cast<double>(now.waiting);
  for (const auto& [job, run] : s.running) {
    now.running.push_back(job);
    left += 1 - (s.options.fraction ? s.options.fraction(job) : 0);
  }
  if (const auto each = s.seconds_a_job()) now.remaining = *each * left / static_cast<double>(s.taken.size());
  return now;
}

}  // namespace kantor
