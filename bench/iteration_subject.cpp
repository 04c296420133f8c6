#include "bench/iteration_subject.h"

#include "engine/error.h"
#include "engine/grad_mode.h"
#include "engine/ops.h"
#include "engine/random.h"
#include "models/data/open_dataset.h"
#include "models/training/fused_training.h"
#include "models/training/networks.h"
#include "models/training/random_streams.h"
#include "models/training/trainer.h"

#include <cmath>
#include <fmt/format.h>
#include <memory>
#include <utility>

namespace kantor {
namespace {

constexpr int64_t critic_updates = 5;

RunConfig config_of(const BenchModel& model, const std::string& constraint, const OptimizerConfig& optimizer) {
  RunConfig config;
  config.constraint.kind = constraint;
  config.constraint.clip = 0.1;  // gradients of weights within 0.01 are rounding, which RMSProp turns into whole steps
  config.batch = model.batch;
  config.critic_steps = critic_updates;
  for (NetworkConfig* network : {&config.critic, &config.generator}) {
    network->width = model.critic[0]["out"].get<int64_t>();
    network->optimizer = optimizer.rule;
    network->learning_rate = optimizer.learning_rate;
  }
  return config;
}

std::vector<double> weights_of(const Network& network) {
  return network.parameters().flat().to_vector<double>();
}

/// Critic and generator of a configuration in float64, on the CPU, with the weights that a trainer begins with.
struct Exact {
  Critic critic;
  Generator generator;

  Exact(const RunConfig& config, const Trainer& like)
      : critic(critic_layers(config, {2}), {2}, in_double(critic_options(config, {}))),
        generator(generator_layers(config, {2}), config.z, in_double(generator_options(config, {}))) {
    critic.network().parameters().flat().assign(weights_of(like.critic().network()));
    generator.network().parameters().flat().assign(weights_of(like.generator().network()));
  }
  template <class Options>
  static Options in_double(Options options) {
    options.network.tensor.dtype = DType::float64;
    return options;
  }

  /// The first iteration, on these samples [critic updates * batch, 2], with the draws of a trainer's step 1.
  void iterate(const RunConfig& config, const std::vector<float>& samples) {
    const auto seed = static_cast<uint64_t>(config.seed);
    const int64_t batch = config.batch;
    const Tensor counter = full({}, 1, {DType::int64, {}});
    const Tensor real = from_host(samples, {critic_updates * batch, 2}, {DType::float64, {}});
    const Tensor fake = [&] {
      const NoGrad no_grad;
      return generator(normal({critic_updates * batch, config.z}, seed, stream_critic_noise, counter, DType::float64));
    }();
    for (int64_t begin = 0; begin < critic_updates * batch; begin += batch) {
      critic.update({slice(real, 0, begin, begin + batch).detach(),
                     slice(fake, 0, begin, begin + batch).detach(),
                     {},
                     {},
                     {seed, stream_eps, counter, begin}});
    }
    generator.update(critic, normal({batch, config.z}, seed, stream_generator_noise, counter, DType::float64));
  }
};

void add_squares(const Network& found, const Network& expected, const std::vector<double>& start, double& off,
                 double& changed) {
  const std::vector<double> is = weights_of(found), right = weights_of(expected);
  for (size_t i = 0; i < right.size(); ++i) {
    off += (is[i] - right[i]) * (is[i] - right[i]);
    changed += (right[i] - start[i]) * (right[i] - start[i]);
  }
}

/// Under SGD, whose step is as far off as its gradient is: RMSProp and Adam make a whole step of a gradient that is
/// nothing but rounding, and have rows of their own.
Accuracy check(RunConfig config, Device device, const FusedOptions& fused) {
  for (NetworkConfig* network : {&config.critic, &config.generator}) {
    network->optimizer = "sgd";
    network->learning_rate = 0.16 / static_cast<double>(network->width);  // wide ones diverge sooner
  }
  const DatasetPtr data = open_dataset(config.data);
  Trainer trainer(config, data, device, true, fused);
  Exact exact(config, trainer);
  const std::vector<double> critic = weights_of(exact.critic.network()),
                            generator = weights_of(exact.generator.network());
  trainer.steps(1);
  exact.iterate(config, data->draw(static_cast<uint64_t>(config.seed), stream_data, 0, critic_updates * config.batch));
  double off = 0, changed = 0;
  add_squares(trainer.critic().network(), exact.critic.network(), critic, off, changed);
  add_squares(trainer.generator().network(), exact.generator.network(), generator, off, changed);
  return {std::sqrt(off / changed), 1e-3};
}

}  // namespace

std::optional<Subject> iteration_subject(const BenchModel& model, const std::string& constraint,
                                         const OptimizerConfig& optimizer, Device device, const FusedOptions& options) {
  const bool fused = options.fused != Fused::off;
  if (!model.name.starts_with("mlp:") || (fused && device.kind == Device::Kind::cpu)) return std::nullopt;
  const RunConfig config = config_of(model, constraint, optimizer);
  if (fused) {
    try {
      Trainer possible(config, open_dataset(config.data), device, true, options);
      if (options.multicast && !FusedTraining({possible.fused_model()}, device, options).multicast()) {
        return std::nullopt;
      }
    } catch (const Error&) {  // and says why; there is no such row
      return std::nullopt;
    }
  }
  const int64_t passes = constraint == "clip" ? 7 : 11;
  // As many as `kantor train` does between two lines of its log.
  const int64_t iterations = device.kind == Device::Kind::sim ? 1 : 10;
  // The generator's update: its forward and backward, and the critic's forward and input gradient.
  const std::string by = !fused                                         ? "recorded"
                         : options.multicast                            ? "fused, multicast"
                         : options.arithmetic == Arithmetic::three_tf32 ? "fused by three TF32 products"
                                                                        : "fused";
  Subject subject{"iteration, " + constraint, model.name, {0, (critic_updates * passes + 5) * model.hidden_flops}, {}};
  subject.cold = false;
  subject.run_as = RunAs::called;
  subject.times = iterations;
  subject.extra = {{"by", by}, {"model", model.name}, {"step", "iteration, " + constraint}};
  subject.make = [=](Subject& made) {
    const auto trainer = std::make_shared<Trainer>(config, open_dataset(config.data), device, true, options);
    if (!fused) trainer->steps(3);  // from then on the step is replayed
    made.step = [trainer, iterations] { trainer->steps(iterations); };
    made.launches = [trainer, fused] { return fused ? 1 : trainer->launches(); };
    made.check = [=] { return check(config, device, options); };
  };
  return subject;
}

}  // namespace kantor
