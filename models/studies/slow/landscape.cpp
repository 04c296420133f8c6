#include "models/studies/slow/landscape.h"

#include "models/studies/framework/arms.h"
#include "models/studies/framework/outcomes.h"
#include "models/studies/framework/text.h"
#include "models/studies/slow/landscape_probe.h"
#include "models/studies/slow/landscape_text.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <iterator>
#include <map>
#include <string>

namespace kantor::slow {
namespace {

using nlohmann::json;

const std::string prefix = "landscape-";

/// Eleven curves in one chart cannot be read; a family of constraints shares one.
struct Family {
  std::string file, title;
  std::vector<Arm> arms;
};

std::vector<Family> families(const StudySettings& s) {
  const json common{
      {"data.kind", "swissroll"}, {"critic.width", s.pick(8, 64, 128)}, {"train.batch", s.pick(16, 256, 256)}};
  const json more{{"critic_steps", s.pick(4, 400, 4000)},
                  {"landscape",
                   {{"samples", s.pick(16, 256, 1024)},
                    {"directions", s.pick(2, 4, 16)},
                    {"points", s.pick(5, 21, 41)},
                    {"resolution", s.pick(4, 21, 41)},
                    {"products", s.pick(4, 60, 200)}}}};
  const auto clip = [&](double c, int colour) {
    json config = clipped(common, c, 5e-4);
    config["critic.initialization"] = "uniform";
    return Arm{fmt::format("{}clip-{}", prefix, c), fmt::format("c = {}", c), colour, config, more};
  };
  const auto other = [&](const std::string& constraint, int colour) {
    json config = penalised(common, 10, 1e-3);
    config["critic.constraint"] = constraint;
    return Arm{prefix + constraint, constraint, colour, config, more};
  };
  std::vector<Family> all{
      {"weights",
       "no constraint, and clipping",
       {other("none", colours::grey), clip(0.01, colours::vermilion), clip(0.1, colours::orange)}},
      {"penalties",
       "penalties towards norm 1",
       {other("penalty", colours::blue), other("one-sided", colours::sky), other("dragan", colours::green)}},
      {"zero-centred", "penalties towards norm 0", {other("r1", colours::blue), other("r2", colours::sky)}},
      {"layers",
       "layers that are Lipschitz",
       {other("spectral", colours::pink), other("weight-norm", colours::green), other("groupsort", colours::grey)}}};
  // A constraint that is newer than these figures is shown too, in a figure of its own.
  Family rest{"others", "other constraints", {}};
  for (const std::string& kind : constraint_kinds()) {
    const auto shown = [&](const Family& family) {
      return std::any_of(family.arms.begin(), family.arms.end(),
                         [&](const Arm& arm) { return arm.config.at("critic.constraint") == kind; });
    };
    if (std::none_of(all.begin(), all.end(), shown))
      rest.arms.push_back(other(kind, static_cast<int>(rest.arms.size())));
  }
  if (!rest.arms.empty()) all.push_back(rest);
  return all;
}

bool is_clipped(const Arm& arm) {
  return arm.config.at("critic.constraint") == "clip";
}

std::vector<std::string> method(const StudySettings& s) {
  const Arm any = landscape_arms(s).front();  // all have these settings in common
  const json& grid = any.more.at("landscape");
  return {fill(landscape_text::method_losses, arg("width", integer(any.config, "critic.width")),
               arg("steps", integer(any.more, "critic_steps")), arg("batch", integer(any.config, "train.batch")),
               arg("samples", integer(grid, "samples")), arg("directions", integer(grid, "directions")),
               arg("points", integer(grid, "points")), arg("resolution", integer(grid, "resolution")),
               arg("reach", landscape_reach)),
          fill(landscape_text::method_curvature, arg("tolerance", landscape_tolerance),
               arg("products", integer(grid, "products")))};
}

std::vector<Finding> findings(const std::vector<Outcome>& all, const StudySettings& s) {
  std::vector<Finding> result;
  for (const Arm& arm : landscape_arms(s)) {
    const auto add = [&](const std::string& what, const char* key) {
      result.push_back(observe(fmt::format("landscape, {}: {}", arm.label, what), values_of(all, arm.name, key)));
    };
    add("largest eigenvalue of the Hessian at the end", "eigenvalue");
    add("decades of it, times |w|^2 / deviation of the scores", "log_relative_end");
    add("products with the Hessian until both ends settled, the most of three evaluations", "products");
    add("lowest eigenvalue, downwards, over the largest by magnitude", "downwards");
    add(fmt::format("change of the loss {} lengths away, in deviations", landscape_reach), "change");
    if (!is_clipped(arm)) continue;
    add("share of the parameters outside the range there", "outside_at_ends");
    add("share of the steps along the directions that leave the range", "steps_outside");
  }
  return result;
}

/// "none 1.5, c = 0.01 1.8, ...": means over the seeds.
std::string means(const std::vector<Outcome>& all, const StudySettings& s, const char* key) {
  std::string list;
  for (const Arm& arm : landscape_arms(s)) {
    const auto values = values_of(all, arm.name, key);
    list += fmt::format("{}{} ", list.empty() ? "" : ", ", arm.label);
    list += values.empty() ? "-" : fmt::format("{:.2g}", confidence_interval(values).mean);
  }
  return list;
}

/// How far the searches for eigenvalues came, all of them together.
struct Searches {
  size_t count = 0;
  double settled = 0, products = 0, residual = 0;  // how many; the most; the largest
};

Searches searches(const std::vector<Outcome>& all, const StudySettings& s) {
  Searches result;
  for (const Arm& arm : landscape_arms(s)) {
    for (const double value : values_of(all, arm.name, "settled")) {
      result.settled += value;
      result.count += landscape_evaluations.size();
    }
    for (const double value : values_of(all, arm.name, "products")) result.products = std::max(result.products, value);
    for (const double value : values_of(all, arm.name, "residual")) result.residual = std::max(result.residual, value);
  }
  return result;
}

std::vector<std::string> meaning(const std::vector<Outcome>& all, const StudySettings& s) {
  const auto told = [&](const char* arm, const char* key) { return say(all, prefix + arm, key); };
  const Searches found = searches(all, s);
  return {fill(landscape_text::meaning_curvature, arg("curvatures", means(all, s, "log_relative_end")),
               arg("difference", say(differences(all, prefix + "penalty", prefix + "clip-0.1", "log_relative_end"))),
               arg("settled", found.settled), arg("searches", found.count), arg("products", found.products),
               arg("residual", found.residual)),
          fill(landscape_text::meaning_signs, arg("downwards", means(all, s, "downwards"))),
          fill(landscape_text::meaning_slices, arg("reach", landscape_reach),
               arg("narrow", told("clip-0.01", "change")), arg("wide", told("clip-0.1", "change")),
               arg("penalty", told("penalty", "change")), arg("narrow_outside", told("clip-0.01", "outside_at_ends")),
               arg("wide_outside", told("clip-0.1", "outside_at_ends")),
               arg("narrow_inside", told("clip-0.01", "change_reachable")),
               arg("wide_inside", told("clip-0.1", "change_reachable")))};
}

/// Mean and interval of numbers[key], which are decades, as what they are decades of: an interval that stays above 0.
void add_decades(Series& series, const std::vector<double>& decades) {
  add_point(series, decades);
  for (auto* values : {&series.y, &series.low, &series.high}) values->back() = std::pow(10, values->back());
}

std::vector<Figure> curvature_figures(const std::vector<Outcome>& all, const StudySettings& s) {
  Chart size{.kind = Chart::Kind::bars,
             .title = "Largest curvature of the critic's loss",
             .x_label = "constraint",
             .y_label = "|eigenvalue| |w|^2 / deviation",
             .log_y = true};
  Chart sign{.kind = Chart::Kind::bars,
             .title = "How much of it lies downwards, at the end",
             .x_label = "constraint",
             .y_label = "-lowest / largest by magnitude",
             .marks = {{1, "a saddle: as steep down as up"}}};
  const std::map<std::string, int> colour_of{
      {"start", colours::grey}, {"middle", colours::sky}, {"end", colours::blue}};
  for (const char* evaluation : landscape_evaluations) {
    Series series{evaluation, colour_of.at(evaluation), {}, {}};
    for (const Arm& arm : landscape_arms(s)) {
      add_decades(series, values_of(all, arm.name, fmt::format("log_relative_{}", evaluation)));
    }
    size.series.push_back(series);
  }
  Series downwards{"lowest eigenvalue, downwards", colours::blue, {}, {}};
  for (const Arm& arm : landscape_arms(s)) {
    size.categories.push_back(arm.label);
    add_point(downwards, values_of(all, arm.name, "downwards"));
  }
  sign.categories = size.categories;
  sign.series = {downwards};
  return {{"landscape-curvature.svg", landscape_text::curvature_caption, size},
          {"landscape-signs.svg", landscape_text::signs_caption, sign}};
}

/// Losses along the directions.
Chart slices(const std::vector<Outcome>& all, const std::vector<Arm>& arms, const std::string& title, const char* key) {
  Chart chart{.title = "Loss along random directions: " + title,
              .x_label = "step, in lengths of the critic's own filters",
              .y_label = "change / deviation of the scores",
              .marks = {{0, "trained weights", true}}};
  for (const Arm& arm : arms) chart.series.push_back(mean_curve(all, arm, key));
  return chart;
}

std::vector<Figure> slice_figures(const std::vector<Outcome>& all, const StudySettings& s) {
  std::vector<Figure> result;
  for (const Family& family : families(s)) {
    std::vector<Arm> in_range;
    std::copy_if(family.arms.begin(), family.arms.end(), std::back_inserter(in_range), is_clipped);
    std::string caption = landscape_text::slices_caption;
    if (!in_range.empty()) caption += landscape_text::slices_leave_range;
    result.push_back(
        {fmt::format("{}{}.svg", prefix, family.file), caption, slices(all, family.arms, family.title, "slice")});
    if (in_range.empty()) continue;
    result.push_back({"landscape-box.svg",
                      std::string(landscape_text::slices_caption) + landscape_text::slices_in_range,
                      slices(all, in_range, "clipping, put back into the range", "reachable")});
  }
  return result;
}

std::vector<Figure> pictures(const std::vector<Outcome>& all, const StudySettings& s) {
  std::vector<Figure> result;
  for (const Arm& arm : landscape_arms(s)) {
    const Outcome* first = first_outcome(all, arm.name);
    if (first == nullptr) continue;
    const json& plane = first->numbers.at("plane");
    std::string caption = fill(landscape_text::plane_caption, arg("reach", landscape_reach),
                               arg("low", plane.at("low").get<double>()), arg("high", plane.at("high").get<double>()));
    if (is_clipped(arm)) {
      caption += fill(landscape_text::plane_leaves_range,
                      arg("percent", 100 * first->numbers.at("steps_outside").get<double>()));
    }
    result.push_back(
        {arm.name + ".png", caption, {.title = "Loss landscape: " + arm.label}, first->id + "/landscape.png"});
  }
  return result;
}

}  // namespace

std::vector<Arm> landscape_arms(const StudySettings& s) {
  std::vector<Arm> all;
  for (const Family& family : families(s)) all.insert(all.end(), family.arms.begin(), family.arms.end());
  return all;
}

Conclusion conclude_landscape(const std::vector<Outcome>& all, const StudySettings& s) {
  Conclusion result{.method = method(s), .findings = findings(all, s), .figures = curvature_figures(all, s)};
  append(result, {.figures = slice_figures(all, s)});
  append(result, {.figures = pictures(all, s)});
  result.meaning = meaning(all, s);
  result.limits = {landscape_text::limit_kinks, landscape_text::limit_unit};
  return result;
}

}  // namespace kantor::slow
