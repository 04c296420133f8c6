#include "models/training/trainer.h"

#include "engine/grad_mode.h"
#include "engine/in_place.h"
#include "engine/products.h"
#include "engine/random.h"
#include "models/files/file_error.h"
#include "models/training/fused_training.h"
#include "models/training/networks.h"
#include "models/training/random_streams.h"
#include "models/training/resume.h"
#include "models/training/sampling.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <utility>

namespace kantor {
namespace {

/// The data, once it is known that the configuration can be trained on them.
DatasetPtr checked(const RunConfig& config, DatasetPtr data) {
  check_trainable(config, *data);
  return data;
}

}  // namespace

Trainer::Trainer(const RunConfig& config, DatasetPtr data, Device device, bool capture, FusedOptions fused)
    : config_(config),
      data_(checked(config, std::move(data))),
      device_(device),
      generator_(generator_layers(config, data_->sample_shape()), config.z, generator_options(config, device)),
      critic_(critic_layers(config, data_->sample_shape()), data_->sample_shape(), critic_options(config, device)),
      batches_(zeros(data_->batch_shape(config.critic_steps * config.batch), {DType::float32, device})),
      counter_(zeros({}, {DType::int64, device})),
      upload_(batches_),
      report_({&critic_.trainable(), &generator_.trainable()}),
      fused_arithmetic_(fused.arithmetic) {
  step_ = std::make_unique<Step>([this] { once(); }, device, capture);
  FusedChoice choice = choose_fused(fused_model(), device, fused, capture);
  fused_ = std::move(choice.training);
  why_not_fused_ = std::move(choice.why_not);
}

Trainer::~Trainer() = default;

void Trainer::steps(int64_t count, bool histograms) {
  if (fused_) return fused_steps(count);
  for (int64_t k = 1; k <= count; ++k) step(histograms && k == count);
}

int Trainer::fused_team() const {
  return fused_ ? fused_->team() : 0;
}

FusedModel Trainer::fused_model() {
  return {&config_, data_.get(), &critic_, &generator_, nullptr, fused_arithmetic_};
}

std::string Trainer::arithmetic() const {
  return fused_ ? arithmetic_name(fused_->arithmetic()) : product_arithmetic(device_);
}

FusedSamples Trainer::next_samples(int64_t steps) {
  if (drawn_inside(*data_)) return {};
  if (!loader_) make_loader();
  return {loader_->next(steps), {}};
}

void Trainer::fused_steps(int64_t count) {
  if (count < 1) return;
  const FusedSamples samples = next_samples(count);
  take(fused_->run(count, {{steps_done_, samples.real}}).front());
}

void Trainer::take(const MlpOutcome& outcome) {
  steps_done_ += outcome.done;
  counter_.assign(std::vector<int64_t>{steps_done_});
  report_.write(last_losses(outcome));
  report_.start();
  report_.check(steps_done_);
}

void Trainer::step(bool histograms) {
  if (fused_) return fused_steps(1);
  // The switch is on the device, so that replays see it: most steps are spared the time that histograms take.
  if (histograms) critic_.trainable().take_histograms(true);
  ready_loader();
  (*step_)();
  if (histograms) critic_.trainable().take_histograms(false);
  finish_step();
}

/// Has the batches of the next step loaded, if they are not yet.
void Trainer::ready_loader() {
  if (loader_) return;
  make_loader();
  load_batches();
}

void Trainer::make_loader() {
  LoaderOptions options;
  options.seed = static_cast<uint64_t>(config_.seed);
  options.stream = stream_data;
  options.samples = config_.critic_steps * config_.batch;
  options.first_step = static_cast<uint64_t>(steps_done_);
  loader_ = std::make_unique<Loader>(data_, options);
}

void Trainer::load_batches() {
  try {
    upload_(loader_->next().values);
  } catch (...) {
    loader_.reset();
    throw;
  }
}

/// The host waits for the device once, when it has given it all that the next step begins with.
void Trainer::finish_step() {
  report_.start();
  ++steps_done_;
  try {
    load_batches();
  } catch (...) {  // the next step tries again, and it is the one that has no data
  }
  report_.check(steps_done_);
}

/// The ops of one step. All that changes from step to step is read from tensors: the batches and the counter.
void Trainer::once() {
  increment(counter_);
  const StepSamples samples = draw_samples();
  CriticBatch batch;
  for (int64_t k = 0; k < config_.critic_steps; ++k) {
    batch = critic_batch(samples, k);
    update_critic(batch);
  }
  update_generator(batch.real);
}

StepSamples Trainer::begin_step() {
  ready_loader();
  increment(counter_);
  return draw_samples();
}

void Trainer::end_step(const CriticBatch& last) {
  update_generator(last.real);
  finish_step();
}

StepSamples Trainer::draw_samples() const {
  StepSamples samples;
  samples.noise = normal({config_.critic_steps * config_.batch, config_.z}, static_cast<uint64_t>(config_.seed),
                         stream_critic_noise, counter_);
  // The generator does not change during the critic's updates: one pass makes all their fake batches, unless batch norm
  // must see one batch at a time.
  if (!generator_.network().has_batch_norm()) samples.fake = fake_samples(samples.noise);
  return samples;
}

Tensor Trainer::fake_samples(const Tensor& noise) const {
  const NoGrad no_grad;
  return generator_(noise);
}

CriticBatch Trainer::critic_batch(const StepSamples& samples, int64_t update) const {
  const auto seed = static_cast<uint64_t>(config_.seed);
  const int64_t begin = update * config_.batch, end = begin + config_.batch;
  const int64_t length = batches_.size() / batches_.shape()[0];  // of a sample
  const Tensor fake =
      samples.fake.defined() ? slice(samples.fake, 0, begin, end) : fake_samples(slice(samples.noise, 0, begin, end));
  return {slice(batches_, 0, begin, end).detach(),
          fake.detach(),
          {},
          {},
          {seed, stream_eps, counter_, begin},
          {seed, stream_constraint_noise, counter_, begin * length}};
}

void Trainer::update_critic(const CriticBatch& batch) {
  const CriticLoss loss = critic_.update(batch);
  report_.write(loss);
}

void Trainer::update_generator(const Tensor& real) {
  const auto seed = static_cast<uint64_t>(config_.seed);
  const Tensor z = normal({config_.batch, config_.z}, seed, stream_generator_noise, counter_);
  report_.write_generator_loss(generator_.update(critic_, z, real));
}

std::string Trainer::explanation() {
  return explain_step([this] { once(); }, device_);
}
int64_t Trainer::launches() const {
  return step_->launches();
}

Tensor Trainer::generate(int64_t count, uint32_t stream, int64_t key) const {
  return kantor::generate(generator_.sampler(), {config_.z, static_cast<uint64_t>(config_.seed), stream, key}, count);
}

std::vector<StateTensor> Trainer::state() const {
  std::vector<StateTensor> state;
  append_parameters(state, "critic", critic_.network(), critic_.network().parameters());
  append_parameters(state, "generator", generator_.network(), generator_.network().parameters());
  append_parameters(state, "average", generator_.network(), generator_.average());
  append_buffers_and_optimizer(state, "critic", critic_.trainable());
  append_buffers_and_optimizer(state, "generator", generator_.trainable());
  state.push_back({"counter", counter_});
  return state;
}

void Trainer::change(const RunConfig& to) {
  validate(to);
  const std::vector<ConfigChange> kept = kept_differences(config_, to);
  if (!kept.empty()) {
    throw ConfigError(fmt::format("{}: the steps that are done depend on {}; it cannot become {} in this training",
                                  kept.front().key, kept.front().from, kept.front().to));
  }
  config_ = to;
  critic_.trainable().optimizer().set_learning_rate(to.critic.learning_rate);
  generator_.trainable().optimizer().set_learning_rate(to.generator.learning_rate);
}

TensorFile Trainer::checkpoint() const {
  TensorFile file;
  file.metadata = checkpoint_metadata(config_, critic_.network(), generator_.network(), steps_done_);
  file.metadata[arithmetic_key] = arithmetic();
  file.metadata[steps_key] = fused_ ? "fused" : "recorded";
  file.tensors = to_file_tensors(state());
  return file;
}

void Trainer::restore(const TensorFile& file) {
  // A configuration that was written before a key existed has its default.
  if (!kept_differences(saved_config(file), config_).empty()) {
    throw FileError(fmt::format("{}: it was written by a run of another configuration; resume with its own config.toml",
                                file.source));
  }
  for (const auto& [key, network] :
       {std::pair{"kantor.critic", &critic_.network()}, std::pair{"kantor.generator", &generator_.network()}}) {
    if (metadata_text(file, key) != network->description().dump()) {
      throw FileError(
          fmt::format("{}: {} has other layers than this version builds; start the run anew", file.source, key));
    }
  }
  const int64_t step = metadata_number(file, "kantor.step");
  restore_tensors(file, state());
  for (TrainableNetwork* network : {&critic_.trainable(), &generator_.trainable()}) network->weights_replaced();
  steps_done_ = step;
  loader_.reset();
}

}  // namespace kantor
