// Trainer: a generator and a critic, and the step that trains them. One step is `critic_steps` critic updates and one
// generator update, captured as one Step and replayed.
#pragma once

#include "engine/host_copies.h"
#include "engine/step.h"
#include "models/data/dataset.h"
#include "models/data/loader.h"
#include "models/files/safetensors.h"
#include "models/gan/critic.h"
#include "models/gan/generator.h"
#include "models/training/checkpoint.h"
#include "models/training/config.h"
#include "models/training/fusable_training.h"
#include "models/training/fused_options.h"
#include "models/training/step_report.h"

#include <memory>
#include <vector>

namespace kantor {

class FusedTraining;

/// What the critic updates of one step are made on: the noise [critic_steps * batch, z] and, where one pass makes them
/// all, the generated samples.
struct StepSamples {
  Tensor noise, fake;
};

/// One training: generator, critic and data, and the step that updates them.
class Trainer final : public FusableTraining {
 public:
  /// Builds networks, optimizers and the step. `capture` off runs eagerly; then nothing is fused. Throws ConfigError,
  /// also where steps are to be fused and cannot be, FileError, DeviceError.
  Trainer(const RunConfig& config, DatasetPtr data, Device device = {}, bool capture = true, FusedOptions fused = {});
  ~Trainer() override;

  /// One step; `histograms`: of the critic's weights too. Throws NonFiniteError naming step, network and tensor where a
  /// loss or weight is not finite.
  void step(bool histograms = false);
  void steps(int64_t count, bool histograms = false) override;
  [[nodiscard]] FusedModel fused_model() override;
  [[nodiscard]] FusedSamples next_samples(int64_t steps) override;
  void take(const MlpOutcome& outcome) override;
  [[nodiscard]] int fused_team() const override;
  /// Why steps are not fused, where that was asked.
  [[nodiscard]] const std::string& why_not_fused() const { return why_not_fused_; }
  /// In which arithmetic the products of its steps are made, for people (arithmetic_name): fused steps have their own.
  [[nodiscard]] std::string arithmetic() const;
  [[nodiscard]] int64_t steps_done() const override { return steps_done_; }
  /// Of the last step.
  [[nodiscard]] StepLosses losses() const { return report_.losses(); }
  /// The ops of a step as they are written and as they are replayed (explain_step), and how many a replay has (Step).
  [[nodiscard]] std::string explanation();
  [[nodiscard]] int64_t launches() const;

  /// The parts of a step for those who watch it (the lab's slow motion), eager and in this order: begin_step, then the
  /// batch and the update of each of the config's critic_steps, then end_step. `step` does the same, from a recording.
  [[nodiscard]] StepSamples begin_step();
  [[nodiscard]] CriticBatch critic_batch(const StepSamples& samples, int64_t update) const;
  void update_critic(const CriticBatch& batch);
  void end_step(const CriticBatch& last);

  [[nodiscard]] const Critic& critic() const { return critic_; }
  [[nodiscard]] const Generator& generator() const { return generator_; }
  /// `count` generated samples, engine layout; sample k is a function of (seed, stream, key, k).
  [[nodiscard]] Tensor generate(int64_t count, uint32_t stream, int64_t key) const;
  [[nodiscard]] const RunConfig& config() const { return config_; }
  [[nodiscard]] Device device() const { return device_; }

  /// Goes on under a configuration that a resume may change this one to (resume.h): the learning rates are of the
  /// updates from now on. Throws ConfigError naming a key that a started run keeps.
  void change(const RunConfig& to);

  /// All that a resumed run needs to go on bit for bit. The configuration inside leaves out what decides no numbers.
  [[nodiscard]] TensorFile checkpoint() const;
  /// Continues where `file` was written. Throws FileError if it belongs to another configuration.
  void restore(const TensorFile& file);

 private:
  void once();
  void fused_steps(int64_t count);
  void make_loader();
  void ready_loader();
  void load_batches();
  [[nodiscard]] StepSamples draw_samples() const;
  [[nodiscard]] Tensor fake_samples(const Tensor& noise) const;
  void finish_step();
  void update_generator(const Tensor& real);
  /// Every tensor that a resumed run needs.
  [[nodiscard]] std::vector<StateTensor> state() const;

  RunConfig config_;
  DatasetPtr data_;
  Device device_;
  Generator generator_;
  Critic critic_;
  Tensor batches_, counter_;  // data of a step; its number, for the random numbers
  Upload upload_;             // of the batches
  StepReport report_;
  std::unique_ptr<Loader> loader_;  // where there is one, the batches of the next step are on their way
  std::unique_ptr<Step> step_;
  Arithmetic fused_arithmetic_;
  std::unique_ptr<FusedTraining> fused_;
  std::string why_not_fused_;
  int64_t steps_done_ = 0;
};

}  // namespace kantor
