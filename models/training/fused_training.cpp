#include "models/training/fused_training.h"

#include "engine/error.h"
#include "engine/products.h"
#include "engine/verification.h"
#include "models/training/fused_check.h"
#include "models/training/random_streams.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>

namespace kantor {
namespace {

using nlohmann::json;

/// A network as the kernel takes it, or why it does not.
struct Taken {
  MlpShape shape;
  std::string refusal;
};

Taken take(const Network& network, const std::string& name) {
  const auto refused = [&](const std::string& why) { return Taken{{}, why}; };
  MlpShape shape;
  std::optional<double> slope;
  const json& layers = network.description();
  bool linear_before = false;
  for (size_t i = 0; i < layers.size(); ++i) {
    const std::string type = layers[i].value("type", "");
    const std::string where = fmt::format("layer {} of the {}", i, name);
    if (type == "linear") {
      if (linear_before) return refused(fmt::format("{} follows another linear layer without an activation", where));
      if (layers[i].value("parametrization", "none") != "none") {
        return refused(fmt::format("{} has a {} weight", where, layers[i]["parametrization"].get<std::string>()));
      }
      if (shape.count == mlp_most_layers) {
        return refused(fmt::format("the {} has more than {} hidden layers", name, mlp_most_layers - 1));
      }
      MlpLayer& layer = shape.layers[shape.count++];
      layer.in = layers[i]["in"].get<int>();
      layer.out = layers[i]["out"].get<int>();
      const auto offset = [&](const char* part) {
        const int row = network.parameters().find(fmt::format("{}.{}", i, part));
        return network.parameters().rows()[static_cast<size_t>(row)].offset;
      };
      layer.weight = offset("weight");
      layer.bias = offset("bias");
      linear_before = true;
    } else if (type == "relu" || type == "leaky_relu") {
      const double own = type == "relu" ? 0 : layers[i].value("slope", 0.2);
      if (slope && *slope != own) return refused(fmt::format("{} has another activation than those before", where));
      if (own < 0) return refused(fmt::format("{} has a negative slope", where));
      slope = own;
      linear_before = false;
    } else {
      return refused(fmt::format("{} is {}", where, type));
    }
  }
  if (shape.count < 2) return refused(fmt::format("the {} has no hidden layer", name));
  if (!linear_before) return refused(fmt::format("the {} ends with an activation", name));
  for (int l = 0; l + 1 < shape.count; ++l) {
    if (shape.layers[l].out > mlp_widest) {
      return refused(fmt::format("a hidden layer of the {} has {} units, and at most {} fit", name, shape.layers[l].out,
                                 mlp_widest));
    }
  }
  shape.slope = static_cast<float>(slope.value_or(0));
  return {shape, ""};
}

/// How a constraint is measured; nullopt where the kernel does not know it.
std::optional<std::pair<PenaltyPoints, PenaltyKind>> penalty_of(const std::string& kind) {
  if (kind == "none" || kind == "clip") return std::pair{PenaltyPoints::none, PenaltyKind::two_sided};
  if (kind == "penalty") return std::pair{PenaltyPoints::between, PenaltyKind::two_sided};
  if (kind == "one-sided") return std::pair{PenaltyPoints::between, PenaltyKind::one_sided};
  if (kind == "r1") return std::pair{PenaltyPoints::real, PenaltyKind::squared};
  if (kind == "r2") return std::pair{PenaltyPoints::fake, PenaltyKind::squared};
  return std::nullopt;
}

/// Updates of the critic in a step.
int64_t critic_steps(const FusedModel& model) {
  return model.generator != nullptr ? model.config->critic_steps : 1;
}

/// Units of the widest hidden layer.
int widest_of(const MlpTraining& training) {
  int widest = 0;
  for (const MlpShape* shape : {&training.critic, &training.generator}) {
    for (int l = 0; l + 1 < shape->count; ++l) widest = std::max(widest, shape->layers[l].out);
  }
  return widest;
}

MlpTraining training_of(const std::vector<FusedModel>& models, const FusedOptions& options = {}) {
  const FusedModel& model = models.front();
  const RunConfig& config = *model.config;
  MlpTraining training;
  training.critic = take(model.critic->network(), "critic").shape;
  if (model.generator != nullptr) training.generator = take(model.generator->network(), "generator").shape;
  training.models = static_cast<int>(models.size());
  training.batch = static_cast<int>(config.batch);
  training.critic_steps = static_cast<int>(critic_steps(model));
  training.arithmetic = model.arithmetic;
  training.multicast = options.multicast;
  training.streams = {stream_critic_noise, stream_generator_noise, stream_eps};
  return training;
}

/// The law of the kernel's draws, without its arrays.
MlpData law_of(const Dataset& data, uint32_t stream) {
  MlpData law;
  law.stream = stream;
  if (const Noisy* noisy = data.noisy()) {
    if (noisy->data->noisy() != nullptr) return law;  // noise on noise is not known
    law = law_of(*noisy->data, stream | Noisy::data_stream);
    law.more_noise = noisy->deviation;
    law.more_noise_stream = stream | Noisy::noise_stream;
  } else if (const Mixture* mixture = data.mixture()) {
    law.law = MlpData::Law::mixture;
    law.modes = mixture->modes();
    law.sigma = mixture->sigma;
  } else if (const Spiral* spiral = data.spiral()) {
    law.law = MlpData::Law::spiral;
    law.start = spiral->start;
    law.scale = spiral->scale;
    law.sigma = spiral->sigma;
  }
  return law;
}

/// The mixture, also under noise; null for other data.
const Mixture* mixture_of(const Dataset& data) {
  return data.noisy() != nullptr ? data.noisy()->data->mixture() : data.mixture();
}

/// The bounds of weights and of biases, which are the same in all layers.
void set_bounds(MlpNetwork& network, const TrainableNetwork& trainable) {
  const std::vector<double>& bounds = trainable.optimizer().bounds();
  for (size_t i = 0; i < bounds.size(); ++i) {
    (trainable.network().roles()[i].bias ? network.bias_bound : network.weight_bound) = static_cast<float>(bounds[i]);
  }
}

const std::vector<FusedModel>& checked(const std::vector<FusedModel>& models, Device device) {
  for (const FusedModel& model : models) {
    const std::string why = why_not_fused(model, device);
    if (!why.empty()) throw Error("fused steps: " + why);
  }
  return models;
}

}  // namespace

Fused parse_fused(const std::string& name) {
  if (name == "auto") return Fused::automatic;
  if (name == "on") return Fused::on;
  if (name == "off") return Fused::off;
  throw Error(fmt::format("fused = {}: expected auto, on or off", name));
}

Arithmetic fused_arithmetic() {
  return products().arithmetic == Arithmetic::three_tf32 ? Arithmetic::three_tf32 : Arithmetic::float32;
}

std::string why_not_fused(const FusedModel& model, Device device) {
  const RunConfig& config = *model.config;
  if (device.kind == Device::Kind::cpu) return "the CPU has no kernels";
  if (config.loss != "wasserstein") return fmt::format("the loss is {}", config.loss);
  if (!penalty_of(config.constraint.kind)) return fmt::format("the constraint is {}", config.constraint.kind);
  for (const std::string& refusal :
       {take(model.critic->network(), "critic").refusal,
        model.generator != nullptr ? take(model.generator->network(), "generator").refusal : ""}) {
    if (!refusal.empty()) return refusal;
  }
  if (const std::string why = why_absent(device, {model.arithmetic}); !why.empty()) {
    return fmt::format("{}: {}", arithmetic_name(model.arithmetic), why);
  }
  const MlpTraining training = training_of({model});
  if (training.critic.layers[training.critic.count - 1].out != 1) return "the critic has more than one output";
  const std::string why = MlpTrainer::why_not(device, training);
  if (why.empty()) return "";
  const std::string noise = model.generator != nullptr ? fmt::format(" and noise of {}", config.z) : "";
  return fmt::format("for layers of {} units, samples of {} numbers{}, {}", widest_of(training),
                     training.critic.layers[0].in, noise, why);
}

FusedTraining::FusedTraining(std::vector<FusedModel> models, Device device, const FusedOptions& options)
    : models_(checked(models, device)),
      device_(device),
      trainer_(device, training_of(models_, options), options.team,
               options.cluster > 0 ? options.cluster : fused_cluster(device)) {}

bool drawn_inside(const Dataset& data) {
  return law_of(data, stream_data).law != MlpData::Law::given;
}

MlpTraining fused_launch(const FusedModel& model) {
  return training_of({model});
}

std::vector<MlpOutcome> FusedTraining::run(int64_t steps, const std::vector<FusedInput>& inputs) {
  std::vector<MlpModel> launched;
  std::vector<Tensor> kept;  // alive until the launch is done
  for (size_t m = 0; m < models_.size(); ++m) {
    const RunConfig& config = *models_[m].config;
    Critic& critic = *models_[m].critic;
    const int64_t done = inputs[m].done;
    MlpModel model;
    model.critic = mlp_network(critic.network().parameters(), critic.trainable().optimizer());
    set_bounds(model.critic, critic.trainable());
    const auto put = [&](Tensor tensor) {
      kept.push_back(std::move(tensor));
      return kept.back().view();
    };
    const auto scalars = [&](const TrainableNetwork& network, int64_t updates) {
      const Tensor tensor = update_scalars(network.optimizer(), done * updates, steps * updates);
      return static_cast<const UpdateScalars*>(put(tensor).data);
    };
    model.critic.scalars = scalars(critic.trainable(), critic_steps(models_[m]));
    const auto samples = [&](const Dataset& data, uint32_t stream, std::span<const float> given) {
      MlpData law = law_of(data, stream);
      if (law.law == MlpData::Law::given) {
        law.values = put(from_host(given, {static_cast<int64_t>(given.size())}, {DType::float32, device_})).as<float>();
      } else if (law.law == MlpData::Law::mixture) {
        const std::vector<double>& centres = mixture_of(data)->centres;
        law.centres =
            put(from_host(centres, {static_cast<int64_t>(centres.size())}, {DType::float64, device_})).as<double>();
      }
      return law;
    };
    if (Generator* generator = models_[m].generator) {
      model.generator = mlp_network(generator->network().parameters(), generator->trainable().optimizer());
      set_bounds(model.generator, generator->trainable());
      model.generator.average = generator->average().flat().view().as<float>();
      model.generator.average_decay = static_cast<float>(config.ema_decay);
      model.generator.average_weight = static_cast<float>(1 - config.ema_decay);
      model.generator.scalars = scalars(generator->trainable(), 1);
    } else {
      model.fakes = samples(*models_[m].fake_data, stream_critic_noise, inputs[m].fake);
    }
    model.data = samples(*models_[m].data, stream_data, inputs[m].real);
    model.seed = static_cast<uint64_t>(config.seed);
    model.step = done;
    const auto [points, kind] = penalty_of(config.constraint.kind).value();
    model.points = points;
    model.penalty = kind;
    model.lambda = config.constraint.lambda;
    launched.push_back(model);
  }
  std::vector<MlpOutcome> outcomes = trainer_.run(static_cast<int>(steps), std::move(launched));
  for (size_t m = 0; m < models_.size(); ++m) {
    const int64_t now = inputs[m].done + outcomes[m].done;
    models_[m].critic->trainable().updated_elsewhere(now * critic_steps(models_[m]));
    if (models_[m].generator != nullptr) models_[m].generator->trainable().updated_elsewhere(now);
  }
  return outcomes;
}

StepLosses last_losses(const MlpOutcome& outcome) {
  const float* last = &outcome.losses[static_cast<size_t>(4 * (outcome.done - 1))];
  return {last[0], last[1], last[2], last[3]};
}

FusedChoice choose_fused(const FusedModel& model, Device device, const FusedOptions& options, bool capture) {
  FusedChoice choice;
  if (options.fused == Fused::off) return choice;
  choice.why_not = capture ? why_not_fused(model, device) : "steps run op by op";
  if (choice.why_not.empty() && options.fused == Fused::automatic)
    choice.why_not = fused_training_finding(device, fused_part(model.arithmetic));
  if (choice.why_not.empty()) {
    choice.training = std::make_unique<FusedTraining>(std::vector{model}, device, options);
  } else if (options.fused == Fused::on) {
    throw ConfigError(fmt::format("steps cannot be fused, because {}; take --fused auto or off", choice.why_not));
  }
  return choice;
}

}  // namespace kantor
