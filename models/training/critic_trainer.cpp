#include "models/training/critic_trainer.h"

#include "engine/in_place.h"
#include "engine/random.h"
#include "models/training/networks.h"
#include "models/training/random_streams.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <utility>

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
                             Device device, bool capture)
    : config_(config),
      critic_(layers, checked_shape(*real, *fake, config.batch), critic_options(config, device)),
      real_(zeros(real->batch_shape(config.batch), {DType::float32, device})),
      fake_(zeros(fake->batch_shape(config.batch), {DType::float32, device})),
      counter_(zeros({}, {DType::int64, device})),
      real_upload_(real_),
      fake_upload_(fake_),
      report_({&critic_.trainable()}),
      real_loader_(make_loader(std::move(real), config, stream_data)),
      fake_loader_(make_loader(std::move(fake), config, stream_critic_noise)) {
  step_ = std::make_unique<Step>([this] { once(); }, device, capture);
}

void CriticTrainer::once() {
  increment(counter_);
  const auto seed = static_cast<uint64_t>(config_.seed);
  const CriticBatch batch{
      real_, fake_, {}, {}, {seed, stream_eps, counter_}, {seed, stream_constraint_noise, counter_}};
  report_.write(critic_.update(batch));
}

void CriticTrainer::step(bool histograms) {
  if (histograms) critic_.trainable().take_histograms(true);
  real_upload_(real_loader_->next().values);
  fake_upload_(fake_loader_->next().values);
  (*step_)();
  if (histograms) critic_.trainable().take_histograms(false);
  report_.start();
  report_.check(++steps_done_);
}

}  // namespace kantor
