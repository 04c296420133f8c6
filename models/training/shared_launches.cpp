#include "models/training/shared_launches.h"

#include "models/training/fused_training.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <future>
#include <optional>
#include <utility>

namespace kantor {
namespace {

using Entries = std::vector<const LaunchEntry*>;

/// The entries by launch, in the order in which the launches come first.
std::vector<Entries> sorted(const std::vector<LaunchEntry>& entries, size_t most) {
  std::vector<Entries> groups;
  for (const LaunchEntry& entry : entries) {
    const auto takes = [&](const Entries& group) {
      return !entry.alone && !group.front()->alone && group.front()->launch == entry.launch && group.size() < most;
    };
    const auto found = std::find_if(groups.begin(), groups.end(), takes);
    if (found == groups.end()) {
      groups.push_back({&entry});
    } else {
      found->push_back(&entry);
    }
  }
  return groups;
}

/// Trainings of one launch, until the last of them has ended.
class Group {
 public:
  Group(const Entries& entries, Device device) : device_(device) {
    for (const LaunchEntry* entry : entries) {
      try {
        if (auto made = entry->make()) members_.push_back({entry, std::move(made)});
      } catch (const std::exception& error) {
        entry->on_failure(error.what());
      }
    }
  }

  /// Returns the launches.
  int64_t go() {
    for (Member& member : members_) attempt(member, [&] { member.training->begin(); });
    for (drop_ended(); !members_.empty(); drop_ended()) {
      try {
        advance();
      } catch (const std::exception& error) {
        for (Member& member : members_) fail(member, error.what());
      }
    }
    return launches_;
  }

 private:
  struct Member {
    const LaunchEntry* entry;
    std::unique_ptr<LaunchMember> training;
    bool failed = false;
  };

  template <class Work>
  static void attempt(Member& member, const Work& work) {
    try {
      work();
    } catch (const std::exception& error) {
      fail(member, error.what());
    }
  }
  static void fail(Member& member, const std::string& why) {
    member.failed = true;
    member.entry->on_failure(why);
  }

  /// One launch, up to the first step that something is due at for one of them.
  void advance() {
    if (!fused_) {
      std::vector<FusedModel> models;
      for (Member& member : members_) models.push_back(member.training->training().fused_model());
      fused_.emplace(std::move(models), device_);
    }
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t begun = std::clock();
    int64_t count = members_.front().training->steps_at_once();
    for (const Member& member : members_) count = std::min(count, member.training->steps_at_once());
    std::vector<FusedSamples> samples;
    std::vector<FusedInput> inputs;
    for (Member& member : members_) samples.push_back(member.training->training().next_samples(count));
    for (size_t m = 0; m < members_.size(); ++m) {
      inputs.push_back({members_[m].training->training().steps_done(), samples[m].real, samples[m].fake});
    }
    const std::vector<MlpOutcome> outcomes = fused_->run(count, inputs);
    ++launches_;
    const LaunchTime time{std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
                          static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC, members_.size()};
    for (size_t m = 0; m < members_.size(); ++m) {
      attempt(members_[m], [&] { members_[m].training->take(outcomes[m], time); });
    }
  }

  /// Ends the members that have ended or failed; then the launch has other models.
  void drop_ended() {
    const auto ended = [&](Member& member) {
      if (!member.failed && !member.training->has_ended()) return false;
      if (!member.failed) attempt(member, [&] { member.training->end(); });
      return true;
    };
    if (std::erase_if(members_, ended) > 0) fused_.reset();
  }

  Device device_;
  std::vector<Member> members_;
  std::optional<FusedTraining> fused_;
  int64_t launches_ = 0;
};

int64_t train(const LaunchLane& lane) {
  int64_t launches = 0;
  for (const Entries& group : sorted(lane.entries, static_cast<size_t>(MlpTrainer::most_models(lane.device)))) {
    launches += Group(group, lane.device).go();
  }
  return launches;
}

}  // namespace

std::vector<LaunchLane> launch_lanes(const std::vector<std::string>& names) {
  std::vector<LaunchLane> lanes;
  for (const std::string& name : names) {
    const Device device = find_device(name);
    if (device.kind != Device::Kind::cpu) lanes.push_back({name, device});
  }
  return lanes;
}

int64_t share_launches(const std::vector<LaunchLane>& lanes) {
  std::vector<std::future<int64_t>> running;
  for (const LaunchLane& lane : lanes) {
    running.push_back(std::async(std::launch::async, [&lane] { return train(lane); }));
  }
  int64_t launches = 0;
  for (std::future<int64_t>& one : running) launches += one.get();
  return launches;
}

}  // namespace kantor
