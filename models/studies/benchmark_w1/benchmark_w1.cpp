// Benchmark W1: critics between pairs of distributions whose Wasserstein-1 distance and optimal critic are known, with
// the published settings (Korotin, Kolesov and Burnaev 2022, "Kantorovich Strikes Back!").
#include "models/data/funnel_pairs.h"
#include "models/files/png.h"
#include "models/studies/benchmark_w1/conclusion.h"
#include "models/studies/benchmark_w1/known_optimum.h"
#include "models/studies/benchmark_w1/methods.h"
#include "models/studies/benchmark_w1/text.h"
#include "models/studies/framework/arms.h"
#include "models/studies/framework/curve_run.h"

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

namespace kantor::benchmark_w1 {
namespace {

using nlohmann::json;

constexpr int evaluations = 20;
constexpr int64_t distance_samples = 1 << 18;  // of the exact distance, by Monte Carlo

FunnelPair pair_of(const json& settings) {
  return open_pair(settings.at("pair").get<std::string>());
}

class Run final : public CriticRun {
 public:
  Run(const json& settings, const RunPlace& place) : Run(settings, place, pair_of(settings)) {}

  void prepare() override { optimum_.emplace(pair_.funnels, seed(), samples); }
  [[nodiscard]] json evaluate() override { return optimum_->measure(critic()); }
  [[nodiscard]] json numbers(const TrainingCurve& curve) override {
    json numbers = curve.measured.back();
    numbers["true_w1"] = funnel_distance(pair_.funnels, distance_samples).w1;
    numbers["cosine_curve"] = curve.points("cosine");
    numbers["w1_curve"] = curve.points("w1");
    numbers["milliseconds"] = curve.milliseconds;
    if (is_plane(pair_)) {
      write_png(folder_ / "surface.png", optimum_->draw(critic()));
      write_png(folder_ / "optimum.png", optimum_->draw());
    }
    return numbers;
  }

 private:
  Run(const json& settings, const RunPlace& place, FunnelPair pair)
      : CriticRun({config_of(settings), integer(settings, "steps"), evaluations}, funnels_p(pair.funnels),
                  funnels_q(pair.funnels), place),
        pair_(std::move(pair)),
        folder_(place.folder) {}

  FunnelPair pair_;
  std::filesystem::path folder_;
  std::optional<KnownOptimum> optimum_;
};

}  // namespace

Study study() {
  return {"benchmark-w1", text::title, text::claim, arms, {}, conclude, build_run<Run>};
}

}  // namespace kantor::benchmark_w1
