#include "models/training/train_together.h"

#include "models/training/fused_check.h"
#include "models/training/fused_training.h"
#include "models/training/networks.h"
#include "models/training/training_run.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace kantor {
namespace {

/// Models of one launch, their folders begun, until the last has ended.
class Group {
 public:
  Group(Device device, const std::function<void(size_t, const TogetherEnd&)>& on_end)
      : device_(device), on_end_(on_end) {}

  void add(size_t index, TrainingRun run) { members_.push_back({index, std::move(run)}); }
  [[nodiscard]] bool fits(TrainingRun& run) {
    return members_.empty() ||
           fused_launch(members_.front().run.trainer().fused_model()) == fused_launch(run.trainer().fused_model());
  }
  [[nodiscard]] size_t size() const { return members_.size(); }

  void go() {
    for (Member& member : members_) attempt(member, [&] { member.run.begin(); });
    for (drop_ended(); !members_.empty(); drop_ended()) advance();
  }

 private:
  struct Member {
    size_t index;
    TrainingRun run;
    std::string failure = {};
  };

  template <class Work>
  static void attempt(Member& member, const Work& work) {
    try {
      work();
    } catch (const std::exception& error) {
      member.failure = error.what();
    }
  }

  /// One launch, up to the first step that something is due at for one of them.
  void advance() {
    if (!fused_) {
      std::vector<FusedModel> models;
      for (Member& member : members_) models.push_back(member.run.trainer().fused_model());
      fused_.emplace(std::move(models), device_);
    }
    const auto start = std::chrono::steady_clock::now();
    int64_t count = members_.front().run.steps_at_once();
    for (const Member& member : members_) count = std::min(count, member.run.steps_at_once());
    std::vector<std::vector<float>> samples;
    std::vector<FusedInput> inputs;
    for (Member& member : members_) samples.push_back(member.run.trainer().next_samples(count));
    for (size_t m = 0; m < members_.size(); ++m) {
      inputs.push_back({members_[m].run.trainer().steps_done(), samples[m]});
    }
    const std::vector<MlpOutcome> outcomes = fused_->run(count, inputs);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    for (size_t m = 0; m < members_.size(); ++m) {
      attempt(members_[m], [&] { members_[m].run.take(outcomes[m], seconds); });
    }
  }

  /// Ends the members that have ended or failed; then the launch has other models.
  void drop_ended() {
    const auto ended = [&](Member& member) {
      if (member.failure.empty() && !member.run.has_ended()) return false;
      TogetherEnd end;
      if (member.failure.empty()) attempt(member, [&] { end.result = member.run.finish(); });
      end.failure = member.failure;
      on_end_(member.index, end);
      return true;
    };
    if (std::erase_if(members_, ended) > 0) fused_.reset();
  }

  Device device_;
  const std::function<void(size_t, const TogetherEnd&)>& on_end_;
  std::vector<Member> members_;
  std::optional<FusedTraining> fused_;
};

}  // namespace

bool trains_fused(const RunConfig& config, Device device) {
  const DatasetPtr data = open_dataset(config.data);
  RunConfig copy = config;
  Critic critic(critic_layers(config, data->sample_shape()), data->sample_shape(), critic_options(config, device));
  Generator generator(generator_layers(config, data->sample_shape()), config.z, generator_options(config, device));
  return why_not_fused({&copy, data.get(), &critic, &generator}, device).empty() &&
         fused_training_finding(device).empty();
}

void train_together(const std::vector<TogetherRun>& runs, Device device,
                    const std::function<void(size_t run, const TogetherEnd& end)>& on_end) {
  const auto most = static_cast<size_t>(MlpTrainer::most_models(device));
  size_t next = 0;
  while (next < runs.size()) {
    Group group(device, on_end);
    for (; next < runs.size() && group.size() < most; ++next) {
      TogetherEnd failed;
      try {
        if (runs[next].options.should_stop()) return;
        TrainingRun run(runs[next].config, runs[next].options);
        if (!group.fits(run)) break;  // it begins the next group
        group.add(next, std::move(run));
        continue;
      } catch (const std::exception& error) {
        failed.failure = error.what();
      }
      on_end(next, failed);
    }
    group.go();
  }
}

}  // namespace kantor
