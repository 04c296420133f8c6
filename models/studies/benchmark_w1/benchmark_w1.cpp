// Benchmark W1: critics between pairs of distributions whose Wasserstein-1 distance and optimal critic are known, with
// the published settings (Korotin, Kolesov and Burnaev 2022, "Kantorovich Strikes Back!").
#include "models/data/funnel_pairs.h"
#include "models/files/png.h"
#include "models/studies/benchmark_w1/conclusion.h"
#include "models/studies/benchmark_w1/known_optimum.h"
#include "models/studies/benchmark_w1/methods.h"
#include "models/studies/benchmark_w1/text.h"
#include "models/studies/framework/arms.h"
#include "models/studies/framework/training_curve.h"
#include "models/training/critic_trainer.h"
#include "models/training/networks.h"

#include <string>

namespace kantor::benchmark_w1 {
namespace {

using nlohmann::json;

constexpr int evaluations = 20;
constexpr int64_t distance_samples = 1 << 18;  // of the exact distance, by Monte Carlo

json run(const json& settings, Device device, const std::filesystem::path& folder) {
  const RunConfig config = config_of(settings);
  const FunnelPair pair = open_pair(settings.at("pair").get<std::string>());
  const KnownOptimum optimum(pair.funnels, config.seed, samples);
  const auto p = funnels_p(pair.funnels), q = funnels_q(pair.funnels);
  CriticTrainer trainer(config, critic_layers(config, p->sample_shape()), p, q, device);
  const TrainingCurve curve = train_and_evaluate(trainer, integer(settings, "steps"), evaluations,
                                                 [&] { return optimum.measure(trainer.critic().network()); });
  json numbers = curve.measured.back();
  numbers["true_w1"] = funnel_distance(pair.funnels, distance_samples).w1;
  numbers["cosine_curve"] = curve.points("cosine");
  numbers["w1_curve"] = curve.points("w1");
  numbers["milliseconds"] = curve.milliseconds;
  if (is_plane(pair)) {
    write_png(folder / "surface.png", optimum.draw(trainer.critic().network()));
    write_png(folder / "optimum.png", optimum.draw());
  }
  return numbers;
}

}  // namespace

Study study() {
  return {"benchmark-w1", text::title, text::claim, arms, run, conclude};
}

}  // namespace kantor::benchmark_w1
