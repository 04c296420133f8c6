#include "models/training/presets.h"

#include "models/files/text.h"
#include "models/training/config_toml.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kantor {
namespace {

/// Sets the optimizer of both networks.
void set_adam(RunConfig& c, double rate, double beta1 = 0.5) {
  for (NetworkConfig* net : {&c.generator, &c.critic}) {
    net->optimizer = "adam";
    net->learning_rate = rate;
    net->beta1 = beta1;
  }
}

void set_rmsprop(RunConfig& c, double rate) {
  for (NetworkConfig* net : {&c.generator, &c.critic}) {
    net->optimizer = "rmsprop";
    net->learning_rate = rate;
  }
}

/// Toy data in the plane, quick: the penalty's weight and the average are those that reach the floor in a minute.
RunConfig toy(const std::string& kind, bool clipped) {
  RunConfig c;
  c.data.kind = kind;
  c.constraint.lambda = 0.1;
  set_adam(c, 1e-3);
  if (clipped) {  // the published rate of 5e-5 moves a critic of width 128 too little in a minute
    set_rmsprop(c, 5e-4);
    c.constraint.clip = 0.1;
  }
  return c;
}

/// Gulrajani et al. 2017, released toy code; under clipping, Arjovsky et al. 2017.
RunConfig toy_paper(const std::string& kind, bool clipped) {
  RunConfig c;
  c.data.kind = kind;
  c.generator.width = c.critic.width = 512;
  c.constraint.lambda = 0.1;
  c.ema_decay = 0;
  c.steps = 100'000;
  c.eval_every = c.sample_every = c.checkpoint_every = 1000;
  set_adam(c, 1e-4);
  if (clipped) set_rmsprop(c, 5e-5);
  return c;
}

/// Sequences with an RNN critic, to show what happens to gradients over many steps, not to make good samples.
RunConfig recurrent(bool clipped) {
  RunConfig c = toy("sequences", clipped);
  c.z = 8;
  c.batch = 64;
  c.critic.network = "rnn";
  c.critic.width = 64;
  c.critic.initialization = "xavier_uniform";
  return c;
}

/// Pictures, by convolutions whose widest layer has `dim` channels.
RunConfig pictures(const std::string& kind, int64_t dim, double rate, int64_t steps, bool clipped) {
  RunConfig c;
  c.data.kind = kind;
  for (NetworkConfig* net : {&c.generator, &c.critic}) {
    net->network = "dcgan";
    net->dim = dim;
  }
  c.z = 128;
  c.batch = 50;
  c.steps = steps;
  c.ema_decay = 0.98;
  c.constraint.lambda = 10;
  c.eval_every = c.sample_every = 100;
  c.checkpoint_every = 200;
  set_adam(c, rate);
  if (clipped) set_rmsprop(c, dim < 64 ? 5e-4 : 5e-5);
  return c;
}

}  // namespace

const std::vector<std::string>& preset_names() {
  static const std::vector<std::string> names{"ring8",         "ring8-paper", "grid25", "swissroll",
                                              "fashion-small", "fashion",     "silk",   "sequences"};
  return names;
}

RunConfig preset(const std::string& name, const std::string& constraint) {
  const bool clipped = has_constraint(constraint, "clip");
  RunConfig c;
  if (name == "ring8") {
    c = toy("gaussians8", clipped);
  } else if (name == "ring8-paper") {
    c = toy_paper("gaussians8", clipped);
  } else if (name == "grid25") {
    c = toy("gaussians25", clipped);
    c.steps = 4000;
  } else if (name == "swissroll") {
    c = toy("swissroll", clipped);
  } else if (name == "sequences") {
    c = recurrent(clipped);
  } else if (name == "fashion-small") {
    c = pictures("fashion-mnist", 16, 1e-3, 1000, clipped);
  } else if (name == "fashion") {
    c = pictures("fashion-mnist", 64, 1e-4, 20'000, clipped);
  } else if (name == "silk") {
    c = pictures("silk", 32, 1e-3, 2000, clipped);
  } else {
    const std::string near = nearest(name, preset_names());
    throw ConfigError(fmt::format("unknown preset '{}'; known are {}{}", name, fmt::join(preset_names(), ", "),
                                  near.empty() ? "" : fmt::format(" (did you mean {}?)", near)));
  }
  c.name = name;
  if (has_constraint(constraint, "groupsort")) c.critic.network = "mlp";  // Bjoerck's iteration is for linear layers
  if (const double lambda = preset_lambda(constraint); lambda > 0) c.constraint.lambda = lambda;
  apply_setting(c, "critic.constraint=" + (constraint.empty() ? "penalty" : constraint));  // refuses unknown ones
  return c;
}

}  // namespace kantor
