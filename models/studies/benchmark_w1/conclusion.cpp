#include "models/studies/benchmark_w1/conclusion.h"

#include "models/studies/benchmark_w1/methods.h"
#include "models/studies/benchmark_w1/text.h"
#include "models/studies/framework/outcomes.h"
#include "models/studies/framework/text.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <optional>
#include <string>
#include <utility>

namespace kantor::benchmark_w1 {
namespace {

using nlohmann::json;

/// The pair and the bars that the verdict rests on: our own, from the published 0.07 and 0.84.
constexpr const char* judged_pair = "d2_n4";
constexpr double clip_at_most = 0.3, penalty_at_least = 0.75;
constexpr double better_cosine = 0.3;  // on every pair: about half of the least published difference

/// A line of a pair's table: a number of the runs, what is published beside it, and what it is.
struct Line {
  const char *key, *published, *what;
};

std::vector<Line> lines_of(const FunnelPair& pair) {
  std::vector<Line> lines{{"w1", "w1", "estimate of W1"},
                          {"w1_independent", "w1", "estimate of W1, Q drawn apart from P"},
                          {"cosine", "cosine", "cosine"},
                          {"squared_gradient_error", "squared_gradient_error", "squared gradient error"}};
  if (!is_plane(pair)) return lines;  // in more dimensions no point lies so near its centre
  lines.push_back({"cosine_float32", "cosine", "cosine, the optimum in float32"});
  lines.push_back(
      {"squared_gradient_error_float32", "squared_gradient_error", "squared gradient error, the optimum in float32"});
  return lines;
}

/// What is published of a pair for a method (or for "true"), where there is something.
std::optional<double> published_value(const FunnelPair& pair, const std::string& method, const char* key) {
  const json value = pair.published.value(method, json::object()).value(key, json());
  return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

Reference reference(const FunnelPair& pair, const std::string& method, const char* key) {
  const std::optional<double> value = published_value(pair, method, key);
  return value ? Reference{fmt::format("{:.3g}", *value), text::paper} : Reference{};
}

/// The exact distance, which every run of the pair has measured.
std::vector<double> true_distance(const std::vector<Outcome>& all, const FunnelPair& pair) {
  return values_of(all, pair.name + "-clip", "true_w1");
}

std::vector<Finding> judged_findings(const std::vector<Outcome>& all, const FunnelPair& pair, const StudySettings& s) {
  const std::vector<Method> methods = methods_of(s);
  const Method &clip = find_method(methods, "clip"), &penalty = find_method(methods, "penalty");
  std::vector<Finding> result;
  const auto judge_cosine = [&](const Method& method, const Bar& bar) {
    result.push_back(judge(fmt::format("{}: cosine, {}", pair.name, method.arm.label),
                           values_of(all, method.on(pair), "cosine"), bar, s.needed(),
                           reference(pair, method.published, "cosine")));
  };
  if (pair.name == judged_pair) {
    judge_cosine(clip, {.high = clip_at_most});
    judge_cosine(penalty, {.low = penalty_at_least});
  }
  result.push_back(judge(pair.name + ": cosine, penalty (two-sided) minus clipping",
                         differences(all, penalty.on(pair), clip.on(pair), "cosine"), {.low = better_cosine},
                         s.needed(), {"", text::paper}));
  return result;
}

std::vector<Finding> findings(const std::vector<Outcome>& all, const StudySettings& s) {
  std::vector<Finding> result;
  for (const FunnelPair& pair : pairs_of(s)) {
    for (Finding& finding : judged_findings(all, pair, s)) result.push_back(std::move(finding));
  }
  for (const FunnelPair& pair : pairs_of(s)) {
    result.push_back(observe(pair.name + ": W1 in truth", true_distance(all, pair), reference(pair, "true", "w1")));
    for (const Line& line : lines_of(pair)) {
      for (const Method& method : methods_of(s)) {
        result.push_back(observe(fmt::format("{}: {}, {}", pair.name, line.what, method.arm.label),
                                 values_of(all, method.on(pair), line.key),
                                 reference(pair, method.published, line.published)));
      }
    }
  }
  return result;
}

struct Reproduced {
  int inside = 0, compared = 0;
};

/// How many of the published figures lie where one more run of ours would be expected (prediction interval of 95 %: the
/// published ones are of one run each), and of how many.
Reproduced reproduced(const std::vector<Outcome>& all, const StudySettings& s) {
  Reproduced result;
  for (const FunnelPair& pair : pairs_of(s)) {
    for (const Method& method : methods_of(s)) {
      for (const auto& [key, name] : {std::pair{"w1_independent", "w1"}, std::pair{"cosine_float32", "cosine"},
                                      std::pair{"squared_gradient_error_float32", "squared_gradient_error"}}) {
        const std::optional<double> published = published_value(pair, method.published, name);
        const std::vector<double> ours = values_of(all, method.on(pair), key);
        if (!published || ours.size() < 2) continue;
        const Interval mean = confidence_interval(ours);
        const double reach = (mean.high - mean.mean) * std::sqrt(static_cast<double>(ours.size()) + 1);
        ++result.compared;
        if (std::abs(*published - mean.mean) <= reach) ++result.inside;
      }
    }
  }
  return result;
}

/// Bars by pair, a series a method; the published values as diamonds. `over_truth`: in units of the exact distance.
Chart pair_bars(const std::vector<Outcome>& all, const StudySettings& s, const char* key, bool over_truth,
                Chart chart) {
  const std::vector<FunnelPair> pairs = pairs_of(s);
  chart.kind = Chart::Kind::bars;
  chart.x_label = "pair: dimensions and funnels";
  for (const FunnelPair& pair : pairs) chart.categories.push_back(pair.name);
  for (const Method& method : methods_of(s)) {
    Series series = series_of(method.arm);
    for (const FunnelPair& pair : pairs) {
      const std::vector<double> truths = values_of(all, method.on(pair), "true_w1");
      const double unit = over_truth && !truths.empty() ? truths.front() : 1;
      std::vector<double> values = values_of(all, method.on(pair), key);
      for (double& value : values) value /= unit;
      add_point(series, values);
      series.beside.push_back(published_value(pair, method.published, key).value_or(std::nan("")) / unit);
    }
    chart.series.push_back(series);
  }
  return chart;
}

/// The cosine over the training, each method over its own steps.
Chart cosine_curves(const std::vector<Outcome>& all, const StudySettings& s, const FunnelPair& pair) {
  Chart chart{.title = pair.name + ": cosine over the training",
              .x_label = "share of each method's steps",
              .y_label = "mean cosine over P"};
  for (const Method& method : methods_of(s)) {
    Arm arm = method.arm;
    arm.name = method.on(pair);
    Series series = mean_curve(all, arm, "cosine_curve");
    const double last = series.x.empty() ? 1 : std::max(series.x.back(), 1.0);
    for (double& x : series.x) x /= last;
    chart.series.push_back(series);
  }
  return chart;
}

/// The optimal critic, which every run draws, and those of the methods.
std::vector<Figure> surfaces(const std::vector<Outcome>& all, const StudySettings& s, const FunnelPair& pair) {
  std::vector<Figure> result;
  const auto add = [&](const std::string& label, const std::string& name, const std::string& picture) {
    result.push_back({fmt::format("{}-{}.png", pair.name, name),
                      text::surface_caption,
                      {.title = fmt::format("{}, {}", pair.name, label)},
                      picture});
  };
  if (const Outcome* first = first_outcome(all, pair.name + "-clip")) {
    add("the optimal critic", "optimum", first->id + "/optimum.png");
  }
  for (const Method& method : methods_of(s)) {
    const Outcome* first = first_outcome(all, method.on(pair));
    if (first != nullptr) add(method.arm.label, method.arm.name, first->id + "/surface.png");
  }
  return result;
}

std::vector<Figure> figures(const std::vector<Outcome>& all, const StudySettings& s) {
  std::vector<Figure> result{{"cosine.svg", text::cosine_caption,
                              pair_bars(all, s, "cosine", false,
                                        {.title = "Does the critic's gradient point as the optimal one's?",
                                         .y_label = "mean cosine over P",
                                         .marks = {{1, "optimal"}}})},
                             {"ratio.svg", text::ratio_caption,
                              pair_bars(all, s, "w1", true,
                                        {.title = "Estimate over the true distance",
                                         .y_label = "estimate / W1",
                                         .log_y = true,
                                         .marks = {{1, "the truth"}}})}};
  for (const FunnelPair& pair : pairs_of(s)) {
    result.push_back({pair.name + "-cosine.svg", text::curve_caption, cosine_curves(all, s, pair)});
  }
  for (const FunnelPair& pair : pairs_of(s)) {
    if (!is_plane(pair)) continue;
    for (Figure& figure : surfaces(all, s, pair)) result.push_back(std::move(figure));
  }
  return result;
}

std::vector<std::string> method(const StudySettings& s) {
  std::string steps;
  for (const Method& each : methods_of(s)) {
    steps += fmt::format("{}{} {}", steps.empty() ? "" : ", ", each.arm.label, each.steps(s));
  }
  const json config = arms(s).front().config;  // all have the batch in common
  return {text::method_pairs, fill(text::method_critics, arg("batch", config.at("train.batch").get<int64_t>()),
                                   arg("steps", steps), arg("samples", samples))};
}

std::vector<std::string> meaning(const std::vector<Outcome>& all, const StudySettings& s) {
  std::vector<std::string> result;
  for (const FunnelPair& pair : pairs_of(s)) {
    std::vector<std::string> methods;
    for (const Method& each : methods_of(s)) {
      methods.push_back(fill(text::meaning_method, arg("method", each.arm.label),
                             arg("estimate", say(all, each.on(pair), "w1")),
                             arg("cosine", say(all, each.on(pair), "cosine"))));
    }
    result.push_back(fill(text::meaning_pair, arg("pair", pair.name), arg("w1", say(true_distance(all, pair))),
                          arg("methods", fmt::format("{}", fmt::join(methods, "; ")))));
  }
  const Reproduced figures = reproduced(all, s);
  result.push_back(fill(text::meaning_reproduced, arg("inside", figures.inside), arg("compared", figures.compared)) +
                   (s.scale == Scale::full ? "" : text::meaning_shorter) + ".");
  return result;
}

}  // namespace

Conclusion conclude(const std::vector<Outcome>& all, const StudySettings& s) {
  Conclusion result{
      .method = method(s),
      .findings = findings(all, s),
      .figures = figures(all, s),
      .meaning = meaning(all, s),
      .limits = {text::limit_estimate, text::limit_methods, text::limit_float32, text::limit_independent}};
  if (s.scale != Scale::full) result.limits.emplace_back(text::limit_quick);
  return result;
}

}  // namespace kantor::benchmark_w1
