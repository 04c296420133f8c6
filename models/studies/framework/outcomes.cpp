#include "models/studies/framework/outcomes.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace kantor {

using nlohmann::json;

std::vector<const Outcome*> outcomes_of(const std::vector<Outcome>& outcomes, const std::string& arm) {
  std::vector<const Outcome*> found;
  for (const Outcome& outcome : outcomes) {
    if (outcome.settings.value("arm", "") == arm) found.push_back(&outcome);
  }
  return found;
}

const Outcome* first_outcome(const std::vector<Outcome>& outcomes, const std::string& arm) {
  const std::vector<const Outcome*> found = outcomes_of(outcomes, arm);
  return found.empty() ? nullptr : found.front();
}

std::vector<double> values_of(const std::vector<Outcome>& outcomes, const std::string& arm, const std::string& key) {
  std::vector<double> values;
  for (const Outcome* outcome : outcomes_of(outcomes, arm)) {
    const auto found = outcome->numbers.find(key);
    if (found != outcome->numbers.end() && found->is_number()) values.push_back(found->get<double>());
  }
  return values;
}

std::vector<double> differences(const std::vector<Outcome>& outcomes, const std::string& a, const std::string& b,
                                const std::string& key) {
  std::vector<double> result;
  for (const Outcome* first : outcomes_of(outcomes, a)) {
    for (const Outcome* second : outcomes_of(outcomes, b)) {
      if (first->settings.at("seed") != second->settings.at("seed")) continue;
      const json x = first->numbers.value(key, json()), y = second->numbers.value(key, json());
      if (x.is_number() && y.is_number()) result.push_back(x.get<double>() - y.get<double>());
    }
  }
  return result;
}

Series series_of(const Arm& arm) {
  return {.name = arm.label, .colour = arm.colour, .x = {}, .y = {}, .dashed = arm.further};
}

void add_point(Series& series, const std::vector<double>& values) {
  const Interval interval =
      values.empty() ? Interval{std::nan(""), std::nan(""), std::nan(""), 0} : confidence_interval(values);
  series.y.push_back(interval.mean);
  series.low.push_back(interval.low);
  series.high.push_back(interval.high);
}

Series mean_curve(const std::vector<Outcome>& outcomes, const Arm& arm, const std::string& key) {
  Series series = series_of(arm);
  std::vector<std::vector<double>> at;  // for each x, one value per seed
  for (const Outcome* outcome : outcomes_of(outcomes, arm.name)) {
    const json curve = outcome->numbers.value(key, json());
    if (!curve.is_object()) continue;
    const auto x = curve.at("x").get<std::vector<double>>();
    if (series.x.empty()) series.x = x, at.resize(x.size());
    for (size_t i = 0; i < std::min(x.size(), at.size()); ++i) {
      const json& y = curve.at("y")[i];
      if (x[i] == series.x[i] && y.is_number()) at[i].push_back(y.get<double>());
    }
  }
  for (const std::vector<double>& values : at) add_point(series, values);
  return series;
}

Series mean_list(const std::vector<Outcome>& outcomes, const Arm& arm, const std::string& key) {
  Series series = series_of(arm);
  std::vector<std::vector<double>> at;
  for (const Outcome* outcome : outcomes_of(outcomes, arm.name)) {
    const auto list = outcome->numbers.value(key, json::array());
    at.resize(std::max(at.size(), list.size()));
    for (size_t i = 0; i < list.size(); ++i) {
      if (list[i].is_number()) at[i].push_back(list[i].get<double>());
    }
  }
  for (const std::vector<double>& values : at) add_point(series, values);
  return series;
}

Series mean_histogram(const std::vector<Outcome>& outcomes, const Arm& arm, const std::string& key) {
  Series series = series_of(arm);
  double total = 0;
  for (const Outcome* outcome : outcomes_of(outcomes, arm.name)) {
    const json histogram = outcome->numbers.value(key, json());
    if (!histogram.is_object()) continue;
    const auto counts = histogram.at("counts").get<std::vector<double>>();
    const double low = histogram.at("low").get<double>(), high = histogram.at("high").get<double>();
    if (series.y.empty()) {
      series.y.resize(counts.size());
      for (size_t i = 0; i < counts.size(); ++i) {
        series.x.push_back(low + (static_cast<double>(i) + 0.5) * (high - low) / static_cast<double>(counts.size()));
      }
    }
    for (size_t i = 0; i < std::min(counts.size(), series.y.size()); ++i) series.y[i] += counts[i], total += counts[i];
  }
  for (double& y : series.y) y /= std::max(total, 1.0);
  return series;
}

void add_bars(Chart& chart, const std::string& category, const std::vector<Outcome>& outcomes,
              const std::vector<Arm>& arms, const std::string& key) {
  chart.categories.push_back(category);
  for (const Arm& arm : arms) {
    auto series = std::find_if(chart.series.begin(), chart.series.end(),
                               [&](const Series& known) { return known.name == arm.label; });
    if (series == chart.series.end()) series = chart.series.insert(series, series_of(arm));
    add_point(*series, values_of(outcomes, arm.name, key));
  }
}

std::string say(const std::vector<double>& values) {
  if (values.empty()) return "-";
  const Interval interval = confidence_interval(values);
  if (!std::isfinite(interval.low)) return fmt::format("{:.3g} (one seed)", interval.mean);
  return fmt::format("{:.3g} [{:.3g}, {:.3g}]", interval.mean, interval.low, interval.high);
}

std::string say(const std::vector<Outcome>& outcomes, const std::string& arm, const std::string& key) {
  return say(values_of(outcomes, arm, key));
}

}  // namespace kantor
