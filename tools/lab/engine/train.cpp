// Training, going back, and measuring.
#include "models/metrics/mixture.h"
#include "models/training/evaluation.h"
#include "models/training/random_streams.h"
#include "tools/lab/engine/session.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace kantor::lab {
namespace {

constexpr int64_t mode_samples = 2500;  // as `kantor train` takes (models/training/evaluation.cpp)

json divergence(const Session& session) {
  json arms = json::array();
  for (const Arm& arm : session.arms()) {
    arms.push_back({{"diverged", arm.diverged.empty() ? json() : json(arm.diverged)}});
  }
  return arms;
}

}  // namespace

void train(Session& session, const json& request, Answer& answer) {
  using Clock = std::chrono::steady_clock;
  const int64_t iterations = whole_number(request, "iterations", 1, 100'000);
  const double limit = request.value("milliseconds", 1e9);
  const Clock::time_point start = Clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double, std::milli>(Clock::now() - start).count(); };
  std::vector<float>& steps = answer.arrays["steps"];
  for (int64_t i = 0; i < iterations && (i == 0 || elapsed() < limit); ++i) {
    session.step();
    steps.push_back(static_cast<float>(session.steps_done()));
    for (size_t k = 0; k < session.arms().size(); ++k) {
      const Arm& arm = session.arms()[k];
      const StepLosses losses = arm.trainer->losses();
      const auto put = [&](const char* name, double value) {
        const bool here = arm.diverged.empty();
        answer.arrays[fmt::format("{}{}", name, k)].push_back(here ? static_cast<float>(value)
                                                                   : std::numeric_limits<float>::quiet_NaN());
      };
      put("estimate", losses.critic_estimate);
      put("loss", losses.critic_loss);
      put("generator_loss", losses.generator_loss);
      put("penalty", losses.penalty);
    }
  }
  answer.fields = {{"step", session.steps_done()}, {"milliseconds", elapsed()}, {"arms", divergence(session)}};
}

void kept(Session& session, const json& /*request*/, Answer& answer) {
  answer.fields["steps"] = session.kept();
}

void back(Session& session, const json& request, Answer& answer) {
  session.back(whole_number(request, "step", 0, std::numeric_limits<int32_t>::max()));
  answer.fields = {{"step", session.steps_done()}, {"arms", divergence(session)}};
}

void evaluate(Session& session, const json& request, Answer& answer) {
  const int64_t samples = whole_number(request, "samples", 16, 2048);
  const Dataset& data = session.data();
  json arms = json::array();
  for (const Arm& arm : session.arms()) {
    const Trainer& trainer = *arm.trainer;
    const int64_t step = session.steps_done();
    json scores{{"w1", nullptr},
                {"modes", nullptr},
                {"quality", nullptr},
                {"gradient_norm_median", nullptr},
                {"gradient_norm_max", nullptr}};
    if (arm.diverged.empty()) {
      const std::vector<float> fake =
          trainer.generate(std::max(samples, mode_samples), stream_evaluation_noise, step).to_vector<float>();
      const std::vector<float> real = data.draw(static_cast<uint64_t>(trainer.config().seed), stream_evaluation_data,
                                                static_cast<uint64_t>(step), samples);
      scores["w1"] = wasserstein1(std::span(fake).first(static_cast<size_t>(2 * samples)), real, 2);
      if (const Mixture* mixture = data.mixture()) {
        const MixtureScore score =
            score_mixture(std::span(fake).first(static_cast<size_t>(2 * mode_samples)), *mixture);
        scores["modes"] = score.modes;
        scores["quality"] = score.high_quality;
      }
      std::vector<double> norms = gradient_norms_between(trainer, data);
      std::sort(norms.begin(), norms.end());
      scores["gradient_norm_median"] = norms[norms.size() / 2];
      scores["gradient_norm_max"] = norms.back();
    }
    arms.push_back(std::move(scores));
  }
  answer.fields = {{"step", session.steps_done()}, {"arms", std::move(arms)}, {"floor", session.floor(samples)}};
}

}  // namespace kantor::lab
