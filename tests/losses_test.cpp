// Losses: their values against the formulas written out, their gradients against finite differences, and what a
// training does with each. Every row of the table is tried.
#include "engine/autograd.h"
#include "engine/random.h"
#include "models/gan/critic.h"
#include "models/gan/generator.h"
#include "models/losses/loss.h"
#include "models/nn/architectures.h"
#include "tests/catch.h"

#include <cmath>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

using namespace kantor;

namespace {

using Values = std::vector<double>;

double softplus_value(double x) {
  return std::log1p(std::exp(x));
}

/// Mean of f over pairs of scores.
double mean_of(const Values& real, const Values& fake, const std::function<double(double, double)>& f) {
  double total = 0;
  for (size_t i = 0; i < real.size(); ++i) total += f(real[i], fake[i]);
  return total / static_cast<double>(real.size());
}

struct Formula {
  std::function<double(double real, double fake)> critic, generator;  // of a pair; their means are the losses
};
const std::map<std::string, Formula> formulas{
    {"wasserstein", {[](double r, double f) { return f - r; }, [](double, double f) { return -f; }}},
    {"non-saturating",
     {[](double r, double f) { return softplus_value(-r) + softplus_value(f); },
      [](double, double f) { return softplus_value(-f); }}},
    {"least-squares",
     {[](double r, double f) { return ((r - 1) * (r - 1) + f * f) / 2; },
      [](double, double f) { return (f - 1) * (f - 1) / 2; }}},
    {"hinge",
     {[](double r, double f) { return std::max(0.0, 1 - r) + std::max(0.0, 1 + f); },
      [](double, double f) { return -f; }}},
    {"relativistic",
     {[](double r, double f) { return softplus_value(f - r); },
      [](double r, double f) { return softplus_value(r - f); }}},
};

Tensor column(const Values& values) {
  return from_host(values, {static_cast<int64_t>(values.size()), 1}, {DType::float64, {}});
}

/// As critic_loss and generator_loss give them: a generator's loss gets what it needs, and no more.
Scores scores_of(const Loss& loss, bool critic, const Tensor& real, const Tensor& fake) {
  if (critic) return {real, fake, mean(real) - mean(fake)};
  return {loss.generator_needs_real ? real : Tensor(), fake, Tensor()};
}

}  // namespace

TEST_CASE("losses: every one has the value and the gradients of its formula") {
  const Values real{0.3, -1.7, 2.2, 0.6}, fake{-0.4, 1.1, 0.25, -2.5};
  for (const Loss& loss : losses()) {
    INFO(loss.name);
    REQUIRE(formulas.count(loss.name) == 1);
    const Formula& formula = formulas.at(loss.name);
    for (const bool critic : {true, false}) {
      const auto value = [&](const Values& r, const Values& f) {
        return mean_of(r, f, critic ? formula.critic : formula.generator);
      };
      const Tensor r = column(real), f = column(fake);
      const Tensor result = (critic ? loss.critic : loss.generator)(scores_of(loss, critic, r, f));
      CHECK(result.item() == Approx(value(real, fake)).epsilon(1e-12));
      const std::vector<Tensor> grads = grad(result, {r, f});
      for (size_t side = 0; side < 2; ++side) {
        const Values found = grads[side].defined() ? grads[side].to_vector<double>() : Values(real.size(), 0);
        for (size_t i = 0; i < real.size(); ++i) {
          const double h = 1e-6;
          Values up[2] = {real, fake}, down[2] = {real, fake};
          up[side][i] += h;
          down[side][i] -= h;
          CHECK(found[i] == Approx((value(up[0], up[1]) - value(down[0], down[1])) / (2 * h)).margin(1e-8));
        }
      }
    }
  }
  CHECK_THROWS_WITH(find_loss("hing"), Contains("hing") && Contains("hinge") && Contains("wasserstein"));
}

TEST_CASE("losses: an update with each of them moves the scores the right way") {
  const Tensor counter = zeros({}, {DType::int64, {}});
  const Tensor real = normal({64, 2}, 1, 1, counter) + 2, fake = normal({64, 2}, 1, 2, counter) - 2;
  for (const Loss& loss : losses()) {
    INFO(loss.name);
    CriticOptions options;
    options.loss = loss.name;
    options.constraint.kind = "r1+r2";
    options.constraint.lambda = 0.01;
    options.optimizer.learning_rate = 1e-2;
    Critic critic(mlp({.in = 2, .out = 1, .width = 16, .depth = 1}), {2}, options);
    for (int i = 0; i < 100; ++i) critic.update({.real = real, .fake = fake});
    CHECK(critic.loss({.real = real, .fake = fake}).wasserstein.item() > 0.5);
    const GeneratorOptions of_generator{.optimizer = {.learning_rate = 1e-2}, .network = {.stream = 1}};
    Generator generator(mlp({.in = 2, .out = 2, .width = 16, .depth = 1}), 2, of_generator);
    const Tensor z = normal({64, 2}, 1, 3, counter);
    const double before = mean(critic.network()(generator(z))).item();
    for (int i = 0; i < 50; ++i) generator.update(critic, z, real);
    CHECK(mean(critic.network()(generator(z))).item() > before);
    if (loss.generator_needs_real) {
      CHECK_THROWS_WITH(generator.update(critic, z), Contains(loss.name) && Contains("real samples"));
    }
  }
}
