#include "models/gan/gradients.h"

#include "engine/autograd.h"
#include "models/gan/critic_loss.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <set>

namespace kantor {
namespace {

constexpr int loaded_retraction = 40;  // a file's weights may be anything

void append_gradients(TensorFile& file, const Network& network, const Tensor& loss) {
  const std::vector<Tensor>& parameters = network.parameters().tensors();
  const std::vector<Tensor> grads = grad(loss, parameters);
  for (size_t i = 0; i < parameters.size(); ++i) {
    file.tensors.emplace_back("grad." + network.parameters().rows()[i].name,
                              network.in_file_layout(i, or_zeros(grads[i], parameters[i])));
  }
}

/// Images come in NCHW; the engine works on NHWC.
Tensor to_engine(const Tensor& x, TensorOptions options) {
  return to_channels_last(x.to(options.dtype).to(options.device)).detach();
}

}  // namespace

TensorFile with_pytorch_names(TensorFile file) {
  std::set<std::string> names;
  for (const auto& [name, tensor] : file.tensors) names.insert(name);
  for (auto& [name, tensor] : file.tensors) {
    if (const std::string now = pytorch_name(name); names.insert(now).second) name = now;
  }
  return file;
}

void load_parameters(Network& network, const TensorFile& given, const std::string& prefix) {
  const TensorFile file = with_pytorch_names(given);
  const auto& rows = network.parameters().rows();
  for (size_t i = 0; i < rows.size(); ++i) network.from_file(static_cast<int>(i), file.at(prefix + rows[i].name));
  const Arena& buffers = network.buffers();
  for (size_t i = 0; i < buffers.rows().size(); ++i) {
    const std::string& name = buffers.rows()[i].name;
    if (!name.ends_with("_u")) continue;  // a training forward does not use batch norm's statistics
    const Tensor &value = file.at(prefix + name), &target = buffers.tensors()[i];
    if (value.shape() != target.shape()) {
      throw ShapeError(fmt::format("tensor {}: shape {} found, {} expected by this network", name,
                                   to_string(value.shape()), to_string(target.shape())));
    }
    target.copy_from(value.to(target.dtype()));
  }
  network.retract(loaded_retraction);
}

TensorFile critic_gradients(const Network& critic, const GradientRequest& request) {
  const std::unique_ptr<Constraint> constraint = make_constraint(request.constraint);
  const TensorOptions options{request.dtype, critic.options().device};
  CriticBatch batch{to_engine(request.real, options), to_engine(request.fake, options), {}};
  if (request.noise.defined()) batch.noise = to_engine(request.noise, options);
  if (request.eps.defined()) batch.eps = to_engine(reshape(request.eps, {request.eps.size()}), options);
  const CriticLoss loss = critic_loss(critic, *constraint, batch, find_loss(request.loss));
  TensorFile file;
  file.tensors = {{"loss", loss.loss},
                  {"wasserstein", loss.wasserstein},
                  {"critic_real", loss.real_scores},
                  {"critic_fake", loss.fake_scores}};
  if (loss.term.value.defined()) {
    file.tensors.emplace_back("penalty", loss.term.value);
    file.tensors.emplace_back("penalty_at", to_channels_first(loss.term.points));
    file.tensors.emplace_back("input_gradient", to_channels_first(loss.term.input_gradient));
    file.tensors.emplace_back("gradient_norm", loss.term.norms);
  }
  append_gradients(file, critic, loss.loss);
  return file;
}

TensorFile generator_gradients(const Network& generator, const Network& critic, const Tensor& z) {
  const Tensor sample = generator(to_channels_last(z.to(generator.options().device)));
  const Tensor loss = generator_loss(critic, sample);
  TensorFile file;
  file.tensors = {{"sample", to_channels_first(sample)}, {"loss", loss}};
  append_gradients(file, generator, loss);
  return file;
}

}  // namespace kantor
