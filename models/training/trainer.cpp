#include "models/training/trainer.h"

#include "engine/autograd.h"
#include "engine/op.h"
#include "engine/random.h"
#include "models/nn/needs.h"
#include "models/nn/presets.h"
#include "models/training/resume.h"
#include "models/training/sampling.h"

#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

namespace kantor {
namespace {

using nlohmann::json;

DcganSpec dcgan_spec(const RunConfig& config, const NetworkConfig& net, const Shape& sample) {
  if (sample.rank() != 3 || sample[1] != sample[2]) {
    throw ConfigError(
        fmt::format("network = dcgan: the data's samples are {}, expected square images", to_string(sample)));
  }
  return {sample[1], sample[0], net.dim, config.z, net.norm};
}

/// The layers of `build`; a picture that it does not take is the configuration's fault.
json dcgan_layers(json (*build)(const DcganSpec&), const DcganSpec& spec) {
  try {
    return build(spec);
  } catch (const ShapeError& error) {
    throw ConfigError(
        fmt::format("{}; convert the images, or take the network that fits any: --set generator.network=mlp --set "
                    "critic.network=mlp",
                    error.what()));
  }
}

MlpSpec mlp_spec(const NetworkConfig& net, int64_t in, int64_t out) {
  return {in, out, net.width, static_cast<int>(net.depth), net.activation, net.norm};
}

/// Before the constraint has its say.
json plain_critic_layers(const RunConfig& config, const Shape& sample) {
  if (config.critic.network == "dcgan") return dcgan_layers(dcgan_critic, dcgan_spec(config, config.critic, sample));
  if (config.critic.network == "rnn") {
    if (sample.rank() != 2) {
      throw ConfigError(
          fmt::format("critic.network = rnn: the data's samples are {}, expected sequences [T, D]", to_string(sample)));
    }
    return rnn_critic(sample[1], config.critic.width);
  }
  json layers = mlp(mlp_spec(config.critic, sample.size(), 1));
  if (sample.rank() > 1) layers.insert(layers.begin(), json{{"type", "flatten"}});
  return layers;
}

/// The configuration in a checkpoint: what decides no numbers of the training is left out.
std::string essential_config(RunConfig config) {
  const RunConfig defaults;
  config.name = defaults.name;
  config.data.path = "";
  config.steps = defaults.steps;
  config.log_every = defaults.log_every;
  config.eval_every = defaults.eval_every;
  config.eval_samples = defaults.eval_samples;
  config.sample_every = defaults.sample_every;
  config.checkpoint_every = defaults.checkpoint_every;
  return to_toml(config);
}

/// Batch norm of one value has variance 0: its output would be its beta whatever comes in.
void check_batch_norm(const std::string& section, const NetworkConfig& net, int64_t batch, const NetworkNeeds& needs) {
  if (batch >= needs.smallest_batch) return;
  throw ConfigError(fmt::format(
      "{0}.norm = {1} with train.batch = {2}: batch norm would take mean and variance of one value a channel; expected "
      "train.batch of at least {3}, or {0}.norm = none",
      section, net.norm, batch, needs.smallest_batch));
}

}  // namespace

NetworkOptions network_options(const RunConfig& config, const NetworkConfig& net, uint32_t stream, Device device) {
  NetworkOptions options;
  options.tensor.device = device;
  options.initialization = parse_initialization(net.initialization);
  options.box = config.constraint.clip;
  options.seed = static_cast<uint64_t>(config.seed);
  options.stream = stream;
  return options;
}

json critic_layers(const RunConfig& config, const Shape& sample) {
  return make_constraint(config.constraint)->layers(plain_critic_layers(config, sample));
}

json generator_layers(const RunConfig& config, const Shape& sample) {
  if (config.generator.network == "dcgan")
    return dcgan_layers(dcgan_generator, dcgan_spec(config, config.generator, sample));
  json layers = mlp(mlp_spec(config.generator, config.z, sample.size()));
  if (sample.rank() == 3) layers.push_back({{"type", "sigmoid"}});  // pixels lie in [0, 1]
  if (sample.rank() > 1) layers.push_back({{"type", "reshape"}, {"shape", sample.to_vector()}});
  return layers;
}

void check_trainable(const RunConfig& config, const Dataset& data) {
  validate(config);
  check_batch(data, config.batch);
  const Shape sample = data.sample_shape();
  check_batch_norm("generator", config.generator, config.batch,
                   network_needs(generator_layers(config, sample), Shape{config.z}));
  check_batch_norm("critic", config.critic, config.batch, network_needs(critic_layers(config, sample), sample));
}

Trainer::Trainer(const RunConfig& config, DatasetRef dataset, Device device, bool capture)
    : config_(config), data_(dataset), device_(device), constraint_(make_constraint(config.constraint)) {
  const Dataset& data = data_;
  check_trainable(config, data);
  const Shape sample = data.sample_shape();
  const json generator = generator_layers(config, sample);
  const NetworkOptions options = network_options(config, config.generator, stream_generator_weights, device);
  generator_ = std::make_unique<Network>(generator, Shape{config.z}, options);
  sampler_ = std::make_unique<Network>(generator, Shape{config.z}, options);
  critic_ = std::make_unique<Network>(critic_layers(config, sample), sample,
                                      network_options(config, config.critic, stream_critic_weights, device));
  constraint_->set_bounds(*critic_);
  generator_optimizer_ = std::make_unique<Optimizer>(config.generator.optimizer_config(), generator_->parameters());
  critic_optimizer_ = std::make_unique<Optimizer>(config.critic.optimizer_config(), critic_->parameters());
  for (Optimizer* optimizer : {critic_optimizer_.get(), generator_optimizer_.get()}) start_clipped(*optimizer);
  generator_gradients_ = generator_->parameters().like();
  critic_gradients_ = critic_->parameters().like();
  average_ = generator_->parameters().like();
  average_.flat().copy_from(generator_->parameters().flat());

  slab_ = zeros(data.batch_shape(config.critic_steps * config.batch), {DType::float32, device});
  counter_ = zeros({}, {DType::int64, device});
  losses_ = zeros({4}, {DType::float32, device});
  int64_t place = 0;
  for (Tensor* scalar : {&critic_loss_, &generator_loss_, &estimate_, &penalty_}) *scalar = losses_.window(place++, {});
  step_ = std::make_unique<Step>([this] { once(); }, device, capture);
}

Trainer::~Trainer() = default;

void start_clipped(Optimizer& optimizer) {
  optimizer.take_histograms(true);
  optimizer.clip();
  optimizer.take_histograms(false);
}

void Trainer::step(bool histograms) {
  critic_optimizer_->take_histograms(histograms);
  if (!loader_) {
    LoaderOptions options;
    options.seed = static_cast<uint64_t>(config_.seed);
    options.stream = stream_data;
    options.samples = config_.critic_steps * config_.batch;
    options.first_step = static_cast<uint64_t>(steps_done_);
    loader_ = std::make_unique<Loader>(data_, options);
  }
  slab_.assign(loader_->next().values);
  (*step_)();
  ++steps_done_;
  const StepLosses l = losses();
  check_finite(steps_done_, "critic", *critic_optimizer_, critic_->parameters(), l.critic_loss);
  check_finite(steps_done_, "generator", *generator_optimizer_, generator_->parameters(), l.generator_loss);
}

/// The ops of one step. All that changes from step to step is read from tensors: the slab and the counter.
void Trainer::once() {
  increment(counter_);
  const auto seed = static_cast<uint64_t>(config_.seed);
  const int64_t batch = config_.batch, total = config_.critic_steps * batch;
  const Tensor z = normal({total, config_.z}, seed, stream_critic_noise, counter_);
  // The generator stands still during the critic's updates: one pass makes all their fake batches, unless batch norm
  // must see one batch at a time.
  const bool one_pass = !generator_->has_batch_norm();
  const auto generate_rows = [&](int64_t begin, int64_t end) {
    const RecordingScope off(false);
    return (*generator_)(slice(z, 0, begin, end));
  };
  const Tensor all = one_pass ? generate_rows(0, total) : Tensor();
  for (int64_t k = 0; k < config_.critic_steps; ++k) {
    const int64_t begin = k * batch, end = begin + batch;
    const Tensor fake = one_pass ? slice(all, 0, begin, end) : generate_rows(begin, end);
    const int64_t length = slab_.size() / total;  // of a sample
    critic_update({slice(slab_, 0, begin, end).detach(),
                   fake.detach(),
                   {},
                   {},
                   {seed, stream_eps, counter_, begin},
                   {seed, stream_constraint_noise, counter_, begin * length}});
  }
  generator_update();
}

CriticLoss update_critic(const Network& critic, const Constraint& constraint, const ConstraintBatch& batch,
                         const Arena& gradients, Optimizer& optimizer) {
  CriticLoss loss = critic_loss(critic, constraint, batch);
  store_gradients(grad(loss.loss, critic.parameters().tensors()), gradients);
  optimizer.update(gradients);
  critic.retract();
  return loss;
}

void Trainer::critic_update(const ConstraintBatch& batch) {
  const CriticLoss loss = update_critic(*critic_, *constraint_, batch, critic_gradients_, *critic_optimizer_);
  critic_loss_.copy_from(loss.loss);
  estimate_.copy_from(loss.wasserstein);
  if (loss.term.value.defined()) penalty_.copy_from(loss.term.value);
}

void Trainer::generator_update() {
  const auto seed = static_cast<uint64_t>(config_.seed);
  const Tensor z = normal({config_.batch, config_.z}, seed, stream_generator_noise, counter_);
  const Tensor loss = generator_loss(*critic_, (*generator_)(z));
  store_gradients(grad(loss, generator_->parameters().tensors()), generator_gradients_);
  generator_optimizer_->update(generator_gradients_);
  generator_loss_.copy_from(loss);
  blend(average_.flat(), generator_->parameters().flat(), config_.average, 1 - config_.average);
}

StepLosses Trainer::losses() const {
  const auto values = losses_.to_vector<double>();
  return {values[0], values[1], values[2], values[3]};
}

void check_finite(int64_t step, const std::string& network, const Optimizer& optimizer, const Arena& parameters,
                  double loss) {
  const auto statistics = optimizer.statistics();
  for (size_t i = 0; i < statistics.size(); ++i) {
    if (statistics[i].non_finite > 0) {
      throw NonFiniteError(
          fmt::format("step {}: {} of the {} values of the {}'s {} are NaN or infinite (loss {}); the "
                      "run diverged: lower the learning rate or the penalty's weight",
                      step, statistics[i].non_finite, statistics[i].count, network, parameters.rows()[i].name, loss));
    }
  }
  if (!std::isfinite(loss)) {
    throw NonFiniteError(
        fmt::format("step {}: the {}'s loss is {}; the run diverged: lower the learning rate or the "
                    "penalty's weight",
                    step, network, loss));
  }
}

const Network& Trainer::sampler() const {
  sampler_->parameters().flat().copy_from(config_.average > 0 ? average_.flat() : generator_->parameters().flat());
  if (generator_->has_batch_norm()) sampler_->buffers().flat().copy_from(generator_->buffers().flat());
  return *sampler_;
}

Tensor Trainer::generate(int64_t count, uint32_t stream, int64_t key) const {
  return kantor::generate(sampler(), {config_.z, static_cast<uint64_t>(config_.seed), stream, key}, count);
}

std::vector<StateTensor> Trainer::state() const {
  std::vector<StateTensor> state;
  const auto parameters = [&](const std::string& prefix, const Network& network, const Arena& arena, bool optimizer) {
    for (size_t i = 0; i < arena.rows().size(); ++i) {
      state.push_back({prefix + "." + arena.rows()[i].name, arena.tensors()[i], network.roles()[i].layout, optimizer});
    }
  };
  parameters("critic", *critic_, critic_->parameters(), false);
  parameters("generator", *generator_, generator_->parameters(), false);
  parameters("average", *generator_, average_, false);
  for (const auto& [prefix, network, optimizer] :
       {std::tuple{std::string("critic"), critic_.get(), critic_optimizer_.get()},
        std::tuple{std::string("generator"), generator_.get(), generator_optimizer_.get()}}) {
    const Arena& buffers = network->buffers();
    for (size_t i = 0; i < buffers.rows().size(); ++i) {
      state.push_back({prefix + "." + buffers.rows()[i].name, buffers.tensors()[i]});
    }
    for (const auto& [name, moments] : optimizer->state()) {
      parameters(fmt::format("{}.{}", prefix, name), *network, moments, true);
    }
    state.push_back({prefix + ".optimizer.step", optimizer->step()});
  }
  state.push_back({"counter", counter_});
  return state;
}

TensorFile Trainer::checkpoint() const {
  TensorFile file;
  file.metadata = {{checkpoint_version_key, checkpoint_version},
                   {"kantor.config", essential_config(config_)},
                   {"kantor.critic", critic_->description().dump()},
                   {"kantor.generator", generator_->description().dump()},
                   {"kantor.sample_shape", json(data_.sample_shape().to_vector()).dump()},
                   {"kantor.step", std::to_string(steps_done_)}};
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
       {std::pair{"kantor.critic", critic_.get()}, std::pair{"kantor.generator", generator_.get()}}) {
    if (metadata_text(file, key) != network->description().dump()) {
      throw FileError(
          fmt::format("{}: {} has other layers than this version builds; start the run anew", file.source, key));
    }
  }
  const int64_t step = metadata_number(file, "kantor.step");
  restore_tensors(file, state());
  for (Optimizer* optimizer : {critic_optimizer_.get(), generator_optimizer_.get()}) start_clipped(*optimizer);
  steps_done_ = step;
  loader_.reset();
}

}  // namespace kantor
