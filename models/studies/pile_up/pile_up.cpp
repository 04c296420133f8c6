// Pile-up: weight clipping drives weights to the two ends of their range (Gulrajani et al. 2017, section 3 and figure
// 1b).
#include "models/metrics/histogram.h"
#include "models/studies/framework/arms.h"
#include "models/studies/framework/curve_run.h"
#include "models/studies/framework/outcomes.h"
#include "models/studies/framework/text.h"
#include "models/studies/pile_up/text.h"
#include "models/studies/pile_up/weight_spread.h"
#include "models/training/probe.h"

#include <span>

namespace kantor::pile_up {
namespace {

using nlohmann::json;

constexpr double c = 0.01;
constexpr int bins = 50, evaluations = 16;
constexpr int64_t probes = 2048;
constexpr double piled_up = 0.5, not_piled_up = 0.01;  // bars: shares of the weights
constexpr auto at_end_under_clipping = "weights at the end of the range under clipping, share";

std::vector<Arm> arms(const StudySettings& s) {
  const json common{{"data.kind", "swissroll"},
                    {"critic.width", s.pick(16, 512, 512)},
                    {"critic.depth", 3},
                    {"train.batch", s.pick(16, 256, 256)}};
  const json more{{"steps", s.pick(20, 700, 2500)}};
  const json from_he = penalised(common, 10, 1e-4);
  json clip = clipped(common, c, 5e-5), same_start = from_he;
  clip["critic.initialization"] = "uniform";
  same_start.update({{"critic.initialization", "uniform"}, {"clip.c", c}});
  std::vector<Arm> all{{"clip", "weight clipping", colours::vermilion, clip, more},
                       {"penalty", "penalty, same start", colours::blue, same_start, more},
                       {"penalty-he", "penalty, He's start", colours::green, from_he, more}};
  add_further(all, "penalty-he", s);
  return all;
}

class Run final : public FrozenRun {
 public:
  Run(const json& settings, const RunPlace& place)
      : FrozenRun({config_of(settings), integer(settings, "steps"), evaluations}, place) {}

  void prepare() override { probe_ = evaluation_samples(*data().fake, seed(), probes, critic().options()); }

  [[nodiscard]] json evaluate() override {
    firing_ = firing_units(critic(), probe_);
    spread_ = weight_spread(critic(), trainer().critic().trainable().optimizer().bounds(), firing_);
    return spread_.at_end / spread_.all;
  }

  [[nodiscard]] json numbers(const TrainingCurve& curve) override {
    const Histogram histogram = make_histogram(std::span<const double>(spread_.relative), -1, 1, bins);
    return {{"share", curve.measured.back()},
            {"share_at_start", curve.measured.front()},
            {"share_below", spread_.below / spread_.all},
            {"live_share", spread_.live > 0 ? json(spread_.live_at_end / spread_.live) : json()},
            {"largest", spread_.largest},
            {"layers", spread_.names},
            {"layer_shares", spread_.layer_shares},
            {"live_layer_shares", spread_.live_layer_shares},
            {"dead", dead_share(firing_)},
            {"estimate", trainer().losses().critic_estimate},
            {"curve", curve.points()},
            {"histogram", {{"low", -1}, {"high", 1}, {"counts", histogram.counts}}}};
  }

 private:
  Tensor probe_;
  Firing firing_;  // at the last evaluation
  WeightSpread spread_;
};

std::vector<Finding> findings(const std::vector<Outcome>& all, const StudySettings& s) {
  const auto value = [&](const char* arm, const char* key) { return values_of(all, arm, key); };
  const Reference spikes{"two spikes at -c and c", text::figure_1b}, bell{"a bell", text::figure_1b};
  std::vector<Finding> result{
      judge(at_end_under_clipping, value("clip", "share"), {.low = piled_up}, s.needed(), spikes),
      judge("the same under the penalty, same start", value("penalty", "share"), {.high = not_piled_up}, s.needed(),
            bell),
      judge("the same under the penalty, He's start", value("penalty-he", "share"), {.high = not_piled_up}, s.needed(),
            bell),
      observe("of these at -c", value("clip", "share_below")),
      observe("the same under clipping, before the first step", value("clip", "share_at_start")),
      observe("the same under clipping, of the weights between units that fire", value("clip", "live_share")),
      observe("largest |w| under the penalty, same start", value("penalty", "largest"),
              {"within about 0.5", text::figure_1b}),
      observe("largest |w| under the penalty, He's start", value("penalty-he", "largest")),
      observe("units that never fire under clipping, share", value("clip", "dead")),
      observe("units that never fire under the penalty, same start", value("penalty", "dead")),
      observe("units that never fire under the penalty, He's start", value("penalty-he", "dead"))};
  for (const Arm& arm : arms(s)) {
    if (!arm.further) continue;
    result.push_back(
        observe("weights at the end of the range, share, " + arm.label, values_of(all, arm.name, "share")));
  }
  return result;
}

std::vector<Figure> figures(const std::vector<Outcome>& all, const StudySettings& s) {
  Chart over_time{.title = "Weights at the end of their range",
                  .x_label = "critic steps",
                  .y_label = "share of the weights",
                  .marks = {{piled_up, "bar for clipping"}}};
  Chart histogram{.kind = Chart::Kind::histogram,
                  .title = "Weights after training",
                  .x_label = "weight / end of its range",
                  .y_label = "share of the weights",
                  .log_y = true};
  for (const Arm& arm : arms(s)) {
    over_time.series.push_back(mean_curve(all, arm, "curve"));
    histogram.series.push_back(mean_histogram(all, arm, "histogram"));
  }
  std::vector<Figure> result{{"over-time.svg", text::over_time_caption, over_time},
                             {"histogram.svg", text::histogram_caption, histogram}};
  if (const Outcome* first = first_outcome(all, "clip")) {
    Chart layers{.kind = Chart::Kind::bars,
                 .title = "At the end of the range, by layer",
                 .x_label = "weight matrix",
                 .y_label = "share of the weights",
                 .categories = first->numbers.at("layers").get<std::vector<std::string>>()};
    const Arm every{"clip", "all weights", colours::vermilion};
    const Arm live{"clip", "weights between units that fire", colours::orange};
    layers.series = {mean_list(all, every, "layer_shares"), mean_list(all, live, "live_layer_shares")};
    result.push_back({"layers.svg", text::layers_caption, layers});
  }
  return result;
}

Conclusion conclude(const std::vector<Outcome>& all, const StudySettings& s) {
  const Arm clip = find_arm(arms(s), "clip");
  Conclusion result;
  result.method = {fill(text::method, arg("width", integer(clip.config, "critic.width")),
                        arg("steps", integer(clip.more, "steps")), arg("batch", integer(clip.config, "train.batch")),
                        arg("c", c), arg("near", near_the_end), arg("probes", probes))};
  result.findings = findings(all, s);
  result.figures = figures(all, s);
  const bool shown = find_finding(result.findings, at_end_under_clipping).verdict == Verdict::shown;
  result.meaning = {
      fill(text::meaning, arg("clip", say(all, "clip", "share")), arg("penalty", say(all, "penalty", "share"))) +
          (shown ? text::meaning_shown : text::meaning_not_shown),
      fill(text::meaning_dead, arg("live", say(all, "clip", "live_share")), arg("dead", say(all, "clip", "dead")),
           arg("dead_penalty", say(all, "penalty", "dead")))};
  result.limits = {text::limit_one_setting, text::limit_optimizers};
  return result;
}

}  // namespace

Study study() {
  return {"pile-up", text::title, text::claim, arms, {}, conclude, build_run<Run>};
}

}  // namespace kantor::pile_up
