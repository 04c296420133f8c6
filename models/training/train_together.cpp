#include "models/training/train_together.h"

#include "models/training/fused_check.h"
#include "models/training/fused_training.h"
#include "models/training/networks.h"
#include "models/training/training_run.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

namespace kantor {
namespace {

class Member final : public LaunchMember {
 public:
  Member(const TogetherRun& run, std::function<void(const TogetherEnd&)> on_end)
      : run_(run.config, run.options), on_end_(std::move(on_end)) {}
  FusableTraining& training() override { return run_.trainer(); }
  void begin() override { run_.begin(); }
  [[nodiscard]] bool has_ended() const override { return run_.has_ended(); }
  [[nodiscard]] int64_t steps_at_once() const override { return run_.steps_at_once(); }
  void take(const MlpOutcome& outcome, const LaunchTime& time) override { run_.take(outcome, time.seconds); }
  void end() override { on_end_({run_.finish(), ""}); }

 private:
  TrainingRun run_;
  std::function<void(const TogetherEnd&)> on_end_;
};

}  // namespace

std::optional<MlpTraining> fused_launch_of(const RunConfig& config, Device device) {
  const DatasetPtr data = open_dataset(config.data);
  Critic critic(critic_layers(config, data->sample_shape()), data->sample_shape(), critic_options(config, device));
  Generator generator(generator_layers(config, data->sample_shape()), config.z, generator_options(config, device));
  const FusedModel model{&config, data.get(), &critic, &generator};
  if (!why_not_fused(model, device).empty()) return std::nullopt;
  if (!fused_training_finding(device, fused_part(model.arithmetic)).empty()) return std::nullopt;
  return fused_launch(model);
}

LaunchEntry together_entry(TogetherRun run, std::function<void(const TogetherEnd& end)> on_end) {
  LaunchEntry entry;
  entry.launch = run.launch;
  entry.on_failure = [on_end](const std::string& why) { on_end({{}, why}); };
  entry.make = [run = std::move(run), on_end = std::move(on_end)]() -> std::unique_ptr<LaunchMember> {
    if (run.options.should_stop()) return nullptr;
    return std::make_unique<Member>(run, on_end);
  };
  return entry;
}

}  // namespace kantor
