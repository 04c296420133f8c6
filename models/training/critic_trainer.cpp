#include "models/training/critic_trainer.h"

#include "engine/random.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace kantor {
namespace {

std::unique_ptr<Loader> make_loader(DatasetRef data, const RunConfig& config, uint32_t stream) {
  LoaderOptions options;
  options.seed = static_cast<uint64_t>(config.seed);
  options.stream = stream;
  options.samples = config.batch;
  return std::make_unique<Loader>(data, options);
}

}  // namespace

CriticTrainer::CriticTrainer(const RunConfig& config, const nlohmann::json& layers, DatasetRef real_data,
                             DatasetRef fake_data, Device device, bool capture)
    : config_(config), constraint_(make_constraint(config.constraint)) {
  const Dataset &real = real_data, &fake = fake_data;
  const Shape sample = real.sample_shape();
  if (fake.sample_shape() != sample) {
    throw ShapeError(fmt::format("a critic between {} of {} and {} of {}: expected samples of one shape", real.name(),
                                 to_string(sample), fake.name(), to_string(fake.sample_shape())));
  }
  for (const Dataset* data : {&real, &fake}) check_batch(*data, config.batch);
  critic_ =
      std::make_unique<Network>(layers, sample, network_options(config, config.critic, stream_critic_weights, device));
  constraint_->set_bounds(*critic_);
  optimizer_ = std::make_unique<Optimizer>(config.critic.optimizer_config(), critic_->parameters());
  start_clipped(*optimizer_);
  gradients_ = critic_->parameters().like();
  real_ = zeros(real.batch_shape(config.batch), {DType::float32, device});
  fake_ = zeros(fake.batch_shape(config.batch), {DType::float32, device});
  counter_ = zeros({}, {DType::int64, device});
  for (Tensor* scalar : {&loss_, &estimate_, &penalty_}) *scalar = zeros({}, {DType::float32, device});
  real_loader_ = make_loader(real, config, stream_data);
  fake_loader_ = make_loader(fake, config, stream_critic_noise);
  step_ = std::make_unique<Step>([this] { once(); }, device, capture);
}

void CriticTrainer::once() {
  increment(counter_);
  const auto seed = static_cast<uint64_t>(config_.seed);
  const ConstraintBatch batch{
      real_, fake_, {}, {}, {seed, stream_eps, counter_}, {seed, stream_constraint_noise, counter_}};
  const CriticLoss loss = update_critic(*critic_, *constraint_, batch, gradients_, *optimizer_);
  loss_.copy_from(loss.loss);
  estimate_.copy_from(loss.wasserstein);
  if (loss.term.value.defined()) penalty_.copy_from(loss.term.value);
}

void CriticTrainer::step(bool histograms) {
  optimizer_->take_histograms(histograms);
  real_.assign(real_loader_->next().values);
  fake_.assign(fake_loader_->next().values);
  (*step_)();
  ++steps_done_;
  check_finite(steps_done_, "critic", *optimizer_, critic_->parameters(), loss_.item());
}

StepLosses CriticTrainer::losses() const {
  return {loss_.item(), 0, estimate_.item(), penalty_.item()};
}

}  // namespace kantor
