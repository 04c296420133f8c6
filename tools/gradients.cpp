// kantor gradients: the loss and every parameter's gradient for given inputs, to compare Kantor with others.
#include "models/gan/gradients.h"

#include "models/files/content.h"
#include "models/files/npy.h"
#include "models/files/safetensors.h"
#include "models/losses/loss.h"
#include "models/training/config.h"
#include "tools/commands.h"

#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

namespace kantor {
namespace {

struct GradientArguments {
  std::string network, weights, real, fake, eps, noise, constraint = "penalty", loss = "wasserstein", dtype = "float64",
                                                        out;
  double lambda = 10;
};

/// The critic that the file describes, with the constraint's changes. Throws ConfigError for what is wrong with it.
Network build_critic(const GradientArguments& arguments, const GradientRequest& request, const Shape& sample) {
  const std::vector<std::byte> text = read_file(arguments.network, 1 << 24);
  try {
    const auto* begin = reinterpret_cast<const char*>(text.data());
    const nlohmann::json constrained = make_constraint(request.constraint)->layers(parse_layers({begin, text.size()}));
    return {constrained, sample, {{request.dtype, {}}}};
  } catch (const Error& error) {
    const std::string other = describe_content(text, true);
    if (!other.empty()) throw ConfigError(fmt::format("{} is {}; expected layers as JSON", arguments.network, other));
    throw ConfigError(
        fmt::format("{} under --constraint {}: {}", arguments.network, arguments.constraint, error.what()));
  }
}

/// Points [B, ...] of one sample shape.
void require_same_shape(const GradientArguments& arguments, const Tensor& real, const Tensor& fake) {
  if (real.rank() < 2 || real.shape() != fake.shape()) {
    throw FileError(fmt::format("{} has shape {}, {} has {}: expected the same [B, ...]", arguments.real,
                                to_string(real.shape()), arguments.fake, to_string(fake.shape())));
  }
}

/// Empty for a constraint that is known; else what is wrong, as CLI11 asks.
std::string known_constraint(const std::string& kind) {
  try {
    (void)constraint_parts(kind);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

int run(const GradientArguments& arguments) {
  GradientRequest request;
  request.dtype = arguments.dtype == "float64" ? DType::float64 : DType::float32;
  request.constraint.kind = arguments.constraint;
  request.constraint.lambda = arguments.lambda;
  request.loss = arguments.loss;
  request.real = read_npy(arguments.real);
  request.fake = read_npy(arguments.fake);
  require_same_shape(arguments, request.real, request.fake);
  if (constraint_draws(arguments.constraint, ConstraintDraws::eps) && arguments.eps.empty()) {
    throw ConfigError("--constraint " + arguments.constraint + " needs --eps");
  }
  if (constraint_draws(arguments.constraint, ConstraintDraws::noise) && arguments.noise.empty()) {
    throw ConfigError("--constraint " + arguments.constraint + " needs --noise");
  }
  if (!arguments.eps.empty()) request.eps = read_npy(arguments.eps);
  if (!arguments.noise.empty()) request.noise = read_npy(arguments.noise);
  if (request.noise.defined() && request.noise.shape() != request.real.shape()) {
    throw FileError(fmt::format("{}: shape {}, expected {}'s, {}", arguments.noise, to_string(request.noise.shape()),
                                arguments.real, to_string(request.real.shape())));
  }
  if (request.eps.defined() && request.eps.size() != request.real.shape()[0]) {
    throw FileError(fmt::format("{}: {} values, expected one per sample, {}", arguments.eps, request.eps.size(),
                                request.real.shape()[0]));
  }
  const Shape& shape = request.real.shape();
  Network critic = build_critic(arguments, request, Shape(std::span(shape.begin() + 1, shape.end())));
  const TensorFile weights = read_safetensors(arguments.weights);
  try {
    load_parameters(critic, weights);
  } catch (const ShapeError& error) {
    throw FileError(arguments.weights + ": " + error.what());
  }
  const TensorFile result = critic_gradients(critic, request);
  write_safetensors(arguments.out, result);
  fmt::print("loss {:.17g}\n", result.at("loss").item());
  return exit_ok;
}

}  // namespace

void add_gradients(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("gradients", "loss and every gradient of a critic step for given inputs");
  const auto a = std::make_shared<GradientArguments>();
  command->add_option("--network", a->network, "layers as JSON, the notation of tests/golden/README.md")
      ->type_name("FILE")
      ->required();
  command->add_option("--weights", a->weights, "safetensors with \"<layer>.<name>\" in PyTorch's layout")
      ->type_name("FILE")
      ->required();
  command->add_option("--real", a->real, "real samples, .npy [B, ...]")->type_name("FILE")->required();
  command->add_option("--fake", a->fake, "generated samples, .npy of the same shape")->type_name("FILE")->required();
  command->add_option("--eps", a->eps, "interpolation weights, .npy [B]")->type_name("FILE");
  command->add_option("--noise", a->noise, "dragan's uniform numbers, .npy of real's shape")->type_name("FILE");
  command
      ->add_option("--constraint", a->constraint,
                   "what keeps the critic Lipschitz, several joined by +; spectral wants weight_u too")
      ->type_name("NAME")
      ->check(known_constraint)
      ->capture_default_str();
  command->add_option("--loss", a->loss, "what the critic minimizes beside it")
      ->type_name("NAME")
      ->check(CLI::IsMember(loss_names()))
      ->capture_default_str();
  command->add_option("--lambda", a->lambda, "weight of the penalty")
      ->type_name("X")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--dtype", a->dtype, "float32 or float64")
      ->type_name("NAME")
      ->check(CLI::IsMember({"float32", "float64"}))
      ->capture_default_str();
  command->add_option("--out", a->out, "safetensors to write: loss, grad.<layer>.<name>, penalty, ...")
      ->type_name("FILE")
      ->required();
  command->footer(
      "Example: kantor gradients --network layers.json --weights W.safetensors --real R.npy --fake F.npy --eps E.npy "
      "--constraint penalty --out G.safetensors");
  command->callback([a, &exit_code] { exit_code = run(*a); });
}

}  // namespace kantor
