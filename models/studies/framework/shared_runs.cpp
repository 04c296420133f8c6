#include "models/studies/framework/shared_runs.h"

#include "models/files/folder_lock.h"
#include "models/studies/framework/curve_run.h"
#include "models/studies/framework/run_folder.h"
#include "models/training/fused_training.h"
#include "models/training/shared_launches.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace kantor {
namespace {

using nlohmann::json;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
double cpu_now() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

/// A run among those that share launches. It holds its folder.
class Member final : public LaunchMember {
 public:
  /// Called after each launch, with the steps that are done, and when the result is written, with the seconds.
  using OnSteps = std::function<void(int64_t steps)>;
  using OnEnd = std::function<void(double seconds)>;

  Member(const StudyTask& task, Device device, std::function<bool()> should_stop, OnSteps on_steps, OnEnd on_end)
      : task_(task),
        device_(device),
        lock_(task.folder),
        run_(task.study->curve_run(task.run.settings, {device, task.folder, Fused::on})),
        curve_(run_->training(), run_->schedule(), [this] { return run_->evaluate(); }),
        should_stop_(std::move(should_stop)),
        on_steps_(std::move(on_steps)),
        on_end_(std::move(on_end)) {}

  FusableTraining& training() override { return run_->training(); }
  void begin() override {
    own_work([&] {
      run_->prepare();
      curve_.begin();
    });
  }
  [[nodiscard]] bool has_ended() const override { return stopped_ || !ending_.diverged.empty() || curve_.has_ended(); }
  [[nodiscard]] int64_t steps_at_once() const override { return curve_.steps_at_once(); }
  void take(const MlpOutcome& outcome, const LaunchTime& time) override {
    const auto models = static_cast<double>(time.models);
    ending_.seconds += time.seconds / models;
    ending_.cpu_seconds += time.cpu_seconds / models;
    own_work([&] { curve_.take(outcome, time.seconds); });
    on_steps_(training().steps_done());
  }
  void end() override {
    if (stopped_) return;  // as if it had not begun
    if (ending_.diverged.empty()) own_work([&] { ending_.numbers = run_->numbers(curve_.finish()); });
    write_result(task_.folder, *task_.study, task_.run.settings, device_, ending_);
    on_end_(ending_.seconds);
  }

 private:
  /// What is done for this run alone.
  template <class Work>
  void own_work(const Work& work) {
    stopped_ = stopped_ || should_stop_();
    if (stopped_) return;
    const double start = now(), cpu_start = cpu_now();
    try {
      work();
    } catch (const NonFiniteError& error) {
      ending_.diverged = error.what();
    }
    ending_.seconds += now() - start;
    ending_.cpu_seconds += cpu_now() - cpu_start;
  }

  const StudyTask& task_;
  Device device_;
  FolderLock lock_;
  std::unique_ptr<CurveRun> run_;
  CurveTraining curve_;
  std::function<bool()> should_stop_;
  OnSteps on_steps_;
  OnEnd on_end_;
  bool stopped_ = false;
  RunEnding ending_;
};

/// All of one call: each device its share, on a thread of its own.
class Sharing {
 public:
  Sharing(const std::vector<StudyTask>& tasks, const SharedOptions& options)
      : tasks_(tasks), options_(options), lanes_(launch_lanes(options.devices)) {
    if (lanes_.empty()) return;
    size_t count = 0;
    for (size_t task = 0; task < tasks.size() && !options.should_stop(); ++task) {
      if (plan(task, lanes_[count % lanes_.size()])) ++count;
    }
    if (count < 2) lanes_.clear();
  }

  SharedRuns go() {
    SharedRuns result;
    result.launches = share_launches(lanes_);
    for (const LaunchLane& lane : lanes_) result.runs += lane.entries.size();
    return result;
  }

 private:
  /// Adds the run to the lane if its training is fused there.
  bool plan(size_t index, LaunchLane& lane) {
    const StudyTask& task = tasks_[index];
    if (!task.study->curve_run) return false;
    LaunchEntry entry;
    try {
      const auto run = task.study->curve_run(task.run.settings, {lane.device, task.folder, Fused::automatic});
      if (!run || run->training().fused_team() == 0) return false;
      entry.launch = fused_launch(run->training().fused_model());
      entry.alone = run->is_timed();
      all_steps_ += run->schedule().steps;
    } catch (const std::exception&) {
      return false;  // a process of its own tells why
    }
    const std::string name = lane.name;
    const Device device = lane.device;
    entry.make = [this, index, device, name]() -> std::unique_ptr<LaunchMember> { return make(index, device, name); };
    entry.on_failure = [](const std::string&) {};  // left to a process of its own, which tells why
    lane.entries.push_back(std::move(entry));
    return true;
  }

  std::unique_ptr<LaunchMember> make(size_t index, Device device, const std::string& name) {
    if (asked_to_stop()) return nullptr;
    const StudyTask& task = tasks_[index];
    if (!begin_run(task.folder, task.run.settings, name)) return nullptr;
    const auto on_steps = [this, index](int64_t steps) {
      const std::lock_guard lock(mutex_);
      steps_[index] = steps;
    };
    const auto on_end = [this, index, name](double seconds) {
      const std::lock_guard lock(mutex_);
      options_.on_end({index, name, seconds, remaining()});
    };
    return std::make_unique<Member>(
        task, device, [this] { return asked_to_stop(); }, on_steps, on_end);
  }

  bool asked_to_stop() {
    const std::lock_guard lock(mutex_);
    return options_.should_stop();
  }

  /// By the steps of all runs.
  [[nodiscard]] double remaining() const {
    double done = 0;
    for (const auto& [task, steps] : steps_) done += static_cast<double>(steps);
    return done > 0 ? (now() - start_) * std::max(0.0, static_cast<double>(all_steps_) / done - 1) : 0;
  }

  const std::vector<StudyTask>& tasks_;
  const SharedOptions& options_;
  std::vector<LaunchLane> lanes_;
  int64_t all_steps_ = 0;
  std::mutex mutex_;                 // of what follows, and of the caller's functions
  std::map<size_t, int64_t> steps_;  // done, by task
  double start_ = now();
};

}  // namespace

SharedRuns share_runs(const std::vector<StudyTask>& tasks, const SharedOptions& options) {
  return Sharing(tasks, options).go();
}

}  // namespace kantor
