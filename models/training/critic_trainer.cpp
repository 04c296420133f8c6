#include "models/training/critic_trainer.h"

#include "engine/in_place.h"
#include "engine/random.h"
#include "models/training/fused_training.h"
#include "models/training/networks.h"
#include "models/training/random_streams.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace kantor {
namespace {

std::unique_ptr<Loader> make_loader(DatasetPtr data, const RunConfig& config, uint32_t stream) {
  LoaderOptions options;
  options.seed = static_cast<uint64_t>(config.seed);
  options.stream = stream;
  options.samples = config.batch;
  return std::make_unique<Loader>(std::move(data), options);
}

/// The samples' shape, once it is known that a critic can be trained between the two.
Shape checked_shape(const Dataset& real, const Dataset& fake, int64_t batch) {
  const Shape sample = real.sample_shape();
  if (fake.sample_shape() != sample) {
    throw ShapeError(fmt::format("a critic between {} of {} and {} of {}: expected samples of one shape", real.name(),
                                 to_string(sample), fake.name(), to_string(fake.sample_shape())));
  }
  for (const Dataset* data : {&real, &fake}) check_batch(*data, batch);
  return sample;
}

}  // namespace

CriticTrainer::CriticTrainer(const RunConfig& config, const nlohmann::json& layers, DatasetPtr real, DatasetPtr fake,
                             Device device, bool capture, FusedOptions fused)
    : config_(config),
      real_data_(std::move(real)),
      fake_data_(std::move(fake)),
      critic_(layers, checked_shape(*real_data_, *fake_data_, config.batch), critic_options(config, device)),
      real_(zeros(real_data_->batch_shape(config.batch), {DType::float32, device})),
      fake_(zeros(fake_data_->batch_shape(config.batch), {DType::float32, device})),
      counter_(zeros({}, {DType::int64, device})),
      real_upload_(real_),
      fake_upload_(fake_),
      report_({&critic_.trainable()}),
      fused_arithmetic_(fused.arithmetic) {
  step_ = std::make_unique<Step>([this] { once(); }, device, capture);
  fused_ = choose_fused(fused_model(), device, fused, capture).training;
}

CriticTrainer::~CriticTrainer() = default;

Loader& CriticTrainer::real_loader() {
  if (!real_loader_) real_loader_ = make_loader(real_data_, config_, stream_data);
  return *real_loader_;
}
Loader& CriticTrainer::fake_loader() {
  if (!fake_loader_) fake_loader_ = make_loader(fake_data_, config_, stream_critic_noise);
  return *fake_loader_;
}

void CriticTrainer::once() {
  increment(counter_);
  const auto seed = static_cast<uint64_t>(config_.seed);
  const CriticBatch batch{
      real_, fake_, {}, {}, {seed, stream_eps, counter_}, {seed, stream_constraint_noise, counter_}};
  report_.write(critic_.update(batch));
}

void CriticTrainer::step(bool histograms) {
  steps(1, histograms);
}

void CriticTrainer::steps(int64_t count, bool histograms) {
  if (count < 1) return;
  if (fused_) {
    const FusedSamples samples = next_samples(count);
    return take(fused_->run(count, {{steps_done_, samples.real, samples.fake}}).front());
  }
  for (int64_t k = 1; k <= count; ++k) {
    const bool measured = histograms && k == count;
    if (measured) critic_.trainable().take_histograms(true);
    real_upload_(real_loader().next().values);
    fake_upload_(fake_loader().next().values);
    (*step_)();
    if (measured) critic_.trainable().take_histograms(false);
    report_.start();
    report_.check(++steps_done_);
  }
}

FusedModel CriticTrainer::fused_model() {
  return {&config_, real_data_.get(), &critic_, nullptr, fake_data_.get(), fused_arithmetic_};
}

FusedSamples CriticTrainer::next_samples(int64_t steps) {
  FusedSamples samples;
  if (!drawn_inside(*real_data_)) samples.real = real_loader().next(steps);
  if (!drawn_inside(*fake_data_)) samples.fake = fake_loader().next(steps);
  return samples;
}

void CriticTrainer::take(const MlpOutcome& outcome) {
  steps_done_ += outcome.done;
  counter_.assign(std::vector<int64_t>{steps_done_});
  report_.write(last_losses(outcome));
  report_.start();
  report_.check(steps_done_);
}

int CriticTrainer::fused_team() const {
  return fused_ ? fused_->team() : 0;
}

}  // namespace kantor
