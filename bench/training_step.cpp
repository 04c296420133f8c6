#include "bench/training_step.h"

#include "engine/error.h"
#include "engine/grad_mode.h"
#include "engine/in_place.h"
#include "engine/random.h"
#include "models/gan/critic_loss.h"
#include "models/nn/architectures.h"

#include <charconv>
#include <fmt/format.h>
#include <limits>
#include <string_view>
#include <vector>

namespace kantor {
namespace {

constexpr uint64_t seed = 1;
constexpr uint32_t noise_stream = 1, eps_stream = 2, real_stream = 3;

Tensor new_counter(Device device) {
  return zeros({}, {DType::int64, device});
}

Tensor copy_of(const Tensor& x) {
  const Tensor copy = empty(x.shape(), {x.dtype(), x.device()});
  copy.copy_from(x);
  return copy;
}

CriticOptions critic_options(const std::string& kind, const OptimizerConfig& optimizer, Device device) {
  CriticOptions options;
  options.constraint.kind = kind == "generator" ? "none" : kind;
  options.optimizer = optimizer;
  options.network.tensor.device = device;
  return options;
}

NetworkOptions generator_options(Device device) {
  NetworkOptions options;
  options.tensor.device = device;
  options.stream = 1;  // other weights than the critic's
  return options;
}

/// "1234" as a number; 0 for anything else.
int64_t positive(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value > 0 && value <= 1 << 20 ? value : 0;
}

void append(TensorFile& file, const std::string& prefix, const Network& network) {
  for (size_t i = 0; i < network.parameters().rows().size(); ++i) {
    file.tensors.emplace_back(prefix + network.parameters().rows()[i].name, network.to_file(static_cast<int>(i)));
  }
}

}  // namespace

BenchModel parse_bench_model(const std::string& name) {
  const std::string_view text = name;
  const size_t first = text.find(':'), last = text.rfind(':');
  const std::string_view kind = text.substr(0, first);
  const int64_t size = first < last ? positive(text.substr(first + 1, last - first - 1)) : 0;
  const int64_t batch = first < last ? positive(text.substr(last + 1)) : 0;
  const bool images = kind == "dcgan" || kind == "dcgan64";
  if (size == 0 || batch == 0 || (kind != "mlp" && !images)) {
    throw Error(fmt::format("'{}': expected mlp:WIDTH:BATCH, dcgan:DIM:BATCH or dcgan64:DIM:BATCH", name));
  }
  if (images) {
    DcganSpec spec;
    spec.dim = size;
    if (kind == "dcgan64") {
      spec.size = 64;
      spec.channels = 3;
    }
    return {name, dcgan_critic(spec), dcgan_generator(spec), {spec.channels, spec.size, spec.size}, spec.z, batch};
  }
  MlpSpec spec;
  spec.width = size;
  const nlohmann::json critic = mlp(spec);
  spec.out = spec.in;
  return {name, critic, mlp(spec), {spec.in}, spec.in, batch, batch * size * size * 2 * (spec.depth - 1)};
}

TrainingStep::TrainingStep(const BenchModel& model, const std::string& kind, const OptimizerConfig& optimizer,
                           Device device)
    : model_(model),
      kind_(kind),
      critic_(model.critic, model.sample, critic_options(kind, optimizer, device)),
      generator_("generator", Network(model.generator, {model.z}, generator_options(device)), optimizer),
      counter_(new_counter(device)) {
  const bool images = model.sample.rank() == 3;
  std::vector<int64_t> extents = model.sample.to_vector();
  extents.insert(extents.begin(), model.batch);
  const Shape shape(extents);
  // Points of an MLP lie away from what its generator makes at the start: a clipped critic's gradient is the difference
  // of two means, which would cancel, and rounding would be all that is left to compare with other engines.
  const Draw draw{seed, real_stream, new_counter(device)};
  real_ = to_channels_last(images ? uniform(shape, draw) : normal(shape, draw) + 3);
  critic_start_ = copy_of(critic_.network().parameters().flat());
  generator_start_ = copy_of(generator_.network().parameters().flat());
}

void TrainingStep::restart() {
  critic_.network().parameters().flat().copy_from(critic_start_);
  generator_.network().parameters().flat().copy_from(generator_start_);
  const Tensor& gradients = trained().gradients().flat();
  gradients.copy_from(
      full(gradients.shape(), std::numeric_limits<double>::quiet_NaN(), {gradients.dtype(), gradients.device()}));
}

Tensor TrainingStep::noise(const Tensor& counter) const {
  return normal({model_.batch, model_.z}, seed, noise_stream, counter);
}

const TrainableNetwork& TrainingStep::trained() const {
  return kind_ == "generator" ? generator_ : critic_.trainable();
}

void TrainingStep::operator()() {
  increment(counter_);
  if (kind_ == "generator") {
    generator_.descend(generator_loss(critic_.network(), generator_.network()(noise(counter_))));
    return;
  }
  const Tensor fake = [&] {
    const NoGrad no_grad;
    return generator_.network()(noise(counter_));
  }();
  critic_.update({.real = real_, .fake = fake, .eps_draw = {seed, eps_stream, counter_}});
}

TensorFile TrainingStep::inputs() const {
  TensorFile file;
  file.metadata = {{"model", model_.name},
                   {"step", kind_},
                   {"critic", critic_.network().description().dump()},
                   {"generator", generator_.network().description().dump()}};
  append(file, "critic.", critic_.network());
  append(file, "generator.", generator_.network());
  const Device device = counter_.device();
  const Tensor next = new_counter(device);
  next.copy_from(counter_);
  increment(next);
  const TensorOptions tensor{DType::float32, device};
  const Tensor one = full({model_.batch, 1}, 1, tensor), zero = zeros({model_.batch, 1}, tensor);
  file.tensors.emplace_back("real", to_channels_first(real_).to(Device{}));
  file.tensors.emplace_back("z", noise(next).to(Device{}));
  file.tensors.emplace_back("eps", interpolate(one, zero, Draw{seed, eps_stream, next}).to(Device{}));
  return file;
}

TensorFile TrainingStep::gradients() const {
  TensorFile file;
  const Network& network = trained().network();
  const Arena& gradients = trained().gradients();
  for (size_t i = 0; i < gradients.rows().size(); ++i) {
    const Tensor copy = empty(gradients.rows()[i].shape, network.options());  // the next step overwrites the arena
    copy.copy_from(gradients.tensors()[i]);
    file.tensors.emplace_back("grad." + gradients.rows()[i].name, network.in_file_layout(i, copy).to(Device{}));
  }
  return file;
}

}  // namespace kantor
