// The first updates of a clipped critic, fused and recorded, on `sim`. Its weights begin at the bound, so sums of equal
// numbers of either sign meet in a unit: what it gets is then exactly 0, and in float32 rounding says whether the unit
// is on. How far the gradients may be from each other is computed here, from the paths through these units.
#include "engine/optimizer.h"
#include "engine/random.h"
#include "models/data/derived.h"
#include "models/data/open_dataset.h"
#include "models/training/critic_trainer.h"
#include "models/training/networks.h"
#include "models/training/random_streams.h"
#include "tests/catch.h"
#include "tests/fused_pair.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

using namespace kantor;
using namespace kantor::testing;

namespace {

using Numbers = std::vector<double>;

/// A critic between data and data + noise, clipped at 0.01 under RMSProp, as the studies train it.
struct Clipped {
  Clipped(const RunConfig& of, FusedOptions fused)
      : config(of),
        real(open_dataset(of.data)),
        fake(with_noise(real, 1)),
        trainer(of, critic_layers(of, {2}), real, fake, simulator, true, fused) {}

  [[nodiscard]] const Arena& parameters() const { return trainer.critic().network().parameters(); }
  [[nodiscard]] Numbers weights() const { return parameters().flat().to_vector<double>(); }
  /// The size of each gradient of the first update: RMSProp's state is then a hundredth of its square.
  [[nodiscard]] Numbers first_gradients() const {
    Numbers sizes = trainer.critic().trainable().optimizer().state()[0].second.flat().to_vector<double>();
    for (double& v : sizes) v = std::sqrt(100 * v);
    return sizes;
  }

  RunConfig config;
  DatasetPtr real, fake;
  CriticTrainer trainer;
};

RunConfig clipped_config(int64_t batch = 16) {
  RunConfig config = small("clip", 16, 3, batch);
  config.constraint.clip = 0.01;
  config.critic.optimizer = "rmsprop";
  config.critic.learning_rate = 5e-4;
  return config;
}

/// Gradients of the first update in double, in the arena's order: each the sum over paths through units that are on.
/// `undecided` units get 0 to rounding, which says whether they are on; `paths` are the sizes of all paths, `apart` of
/// those through an undecided unit.
struct Reference {
  Numbers gradients, paths, apart;
  int undecided = 0;

  /// How far a float32 gradient may be from its own.
  [[nodiscard]] double bound(size_t e) const { return apart[e] + 1e-6 * paths[e]; }
  [[nodiscard]] bool is_decided(size_t e) const { return apart[e] <= 1e-9 * paths[e]; }
};

Reference first_update(const Clipped& critic) {
  const Arena& parameters = critic.parameters();
  const Numbers w = critic.weights();
  const size_t layers = parameters.rows().size() / 2;
  const auto begin = [&](size_t row) { return static_cast<size_t>(parameters.rows()[row].offset); };
  const auto extent = [&](size_t layer, int axis) {
    return static_cast<size_t>(parameters.rows()[2 * layer].shape[axis]);
  };
  Reference reference{Numbers(w.size()), Numbers(w.size()), Numbers(w.size())};
  const int64_t batch = critic.config.batch;
  const auto seed = static_cast<uint64_t>(critic.config.seed);
  const auto real = critic.real->draw(seed, stream_data, 0, batch),
             fake = critic.fake->draw(seed, stream_critic_noise, 0, batch);

  // The sum of one row's paths, of their sizes where `sizes`, through units that are on by on[layer].
  const auto add_row = [&](const Numbers& x, double score, const std::vector<std::vector<bool>>& on, bool sizes,
                           double factor, Numbers& to) {
    const auto of = [&](double value) { return sizes ? std::fabs(value) : value; };
    std::vector<Numbers> inputs{x};
    for (double& value : inputs[0]) value = of(value);
    for (size_t l = 0; l + 1 < layers; ++l) {
      Numbers out(extent(l, 0));
      for (size_t o = 0; o < out.size(); ++o) {
        double sum = of(w[begin(2 * l + 1) + o]);
        for (size_t i = 0; i < extent(l, 1); ++i) sum += of(w[begin(2 * l) + o * extent(l, 1) + i]) * inputs[l][i];
        out[o] = on[l][o] ? sum : 0;
      }
      inputs.push_back(out);
    }
    Numbers delta{of(score)};
    for (size_t l = layers; l-- > 0;) {
      Numbers before(extent(l, 1));
      for (size_t o = 0; o < delta.size(); ++o) {
        to[begin(2 * l + 1) + o] += factor * delta[o];
        for (size_t i = 0; i < before.size(); ++i) {
          const size_t at = begin(2 * l) + o * before.size() + i;
          to[at] += factor * delta[o] * inputs[l][i];
          before[i] += of(w[at]) * delta[o];
        }
      }
      for (size_t i = 0; l > 0 && i < before.size(); ++i) before[i] = on[l - 1][i] ? before[i] : 0;
      delta = before;
    }
  };

  for (const auto& [samples, sign] : {std::pair{&real, -1.0}, {&fake, 1.0}}) {
    for (size_t sample = 0; sample < static_cast<size_t>(batch); ++sample) {
      const Numbers x{(*samples)[2 * sample], (*samples)[2 * sample + 1]};
      std::vector<std::vector<bool>> surely, perhaps;
      Numbers input = x;
      for (size_t l = 0; l + 1 < layers; ++l) {
        Numbers out(extent(l, 0));
        surely.emplace_back(out.size());
        perhaps.emplace_back(out.size());
        for (size_t o = 0; o < out.size(); ++o) {
          double sum = w[begin(2 * l + 1) + o], size = std::fabs(sum);
          for (size_t i = 0; i < input.size(); ++i) {
            const double term = w[begin(2 * l) + o * input.size() + i] * input[i];
            sum += term;
            size += std::fabs(term);
          }
          const bool decided = std::fabs(sum) > 1e-6 * size;
          surely[l][o] = decided && sum > 0;
          perhaps[l][o] = !decided || sum > 0;
          if (!decided && size > 0) ++reference.undecided;
          out[o] = surely[l][o] ? sum : 0;
        }
        input = out;
      }
      const double score = sign / static_cast<double>(batch);
      add_row(x, score, surely, false, 1, reference.gradients);
      add_row(x, score, perhaps, true, 1, reference.paths);
      add_row(x, score, perhaps, true, 1, reference.apart);
      add_row(x, score, surely, true, -1, reference.apart);
    }
  }
  return reference;
}

void check_first_gradients(const Reference& reference, const Clipped& critic) {
  const Numbers sizes = critic.first_gradients();
  for (size_t e = 0; e < sizes.size(); ++e) {
    INFO("weight " << e);
    REQUIRE(std::fabs(sizes[e] - std::fabs(reference.gradients[e])) <= reference.bound(e));
  }
}

}  // namespace

TEST_CASE(
    "fused critics: a clipped critic's first gradients differ from recorded ones only by units that get exactly 0") {
  for (const char* kind : {"gaussians8", "swissroll"}) {
    INFO(kind);
    RunConfig config = clipped_config();
    config.data.kind = kind;
    Clipped fused(config, {Fused::on, 2}), recorded(config, {});
    const Reference reference = first_update(fused);
    CHECK(reference.undecided > 0);
    fused.trainer.step();
    recorded.trainer.step();
    check_first_gradients(reference, fused);
    check_first_gradients(reference, recorded);
    // RMSProp's first step has a size that the gradient's hardly changes, so that a gradient of rounding is one too.
    const double step = 10 * config.critic.learning_rate;
    const Numbers w = fused.weights(), v = recorded.weights();
    size_t decided = 0;
    for (size_t e = 0; e < w.size(); ++e) {
      INFO("weight " << e);
      REQUIRE(std::fabs(w[e] - v[e]) <= (reference.is_decided(e) ? 1e-6 : 2 * step));
      decided += reference.is_decided(e) ? 1 : 0;
    }
    CHECK(decided > w.size() / 2);
  }
}

TEST_CASE("fused critics: a clipped critic whose units all get something has the recorded steps' gradients") {
  for (const int64_t batch : {16, 21}) {
    INFO("batch " << batch);
    const RunConfig config = clipped_config(batch);
    Clipped fused(config, {Fused::on, 2}), recorded(config, {});
    for (Clipped* critic : {&fused, &recorded}) {
      HostRandom random(3, 1);
      for (size_t row = 1; row + 2 < critic->parameters().rows().size(); row += 2) {
        std::vector<float> biases(16);
        for (float& b : biases) b = static_cast<float>(0.002 * random.normal());
        critic->parameters().tensors()[row].assign(biases);
      }
    }
    const Reference reference = first_update(fused);
    CHECK(reference.undecided == 0);
    for (int step = 0; step < 8; ++step) {
      fused.trainer.step();
      recorded.trainer.step();
      if (step == 0) {
        check_first_gradients(reference, fused);
        check_first_gradients(reference, recorded);
      }
      INFO("step " << step);
      CHECK(difference(fused.parameters(), recorded.parameters()) <= 5e-4);
    }
  }
}
