#include "models/studies/arms.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <optional>

namespace kantor {

using nlohmann::json;

std::vector<StudyRun> every_seed(const std::vector<Arm>& arms, const StudySettings& settings) {
  std::vector<StudyRun> runs;
  for (int64_t seed = settings.first_seed; seed < settings.first_seed + settings.seeds; ++seed) {
    for (const Arm& arm : arms) {
      json all = arm.more;
      all.update({{"arm", arm.name}, {"seed", seed}, {"config", arm.config}});
      runs.push_back({fmt::format("{}-{}", arm.name, seed), all});
    }
  }
  return runs;
}

namespace {

/// Kinds of `settings` with which no name begins after the prefix.
template <class Named>
std::vector<std::string> further_kinds(const std::vector<Named>& own, const StudySettings& settings,
                                       const std::string& prefix) {
  std::vector<std::string> kinds;
  for (const std::string& kind : settings.constraints) {
    const bool there = std::any_of(own.begin(), own.end(), [&](const Named& named) {
      return named.name == prefix + kind || named.name.starts_with(prefix + kind + "-");
    });
    const bool repeated = std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
    if (!there && !repeated) kinds.push_back(kind);
  }
  return kinds;
}

}  // namespace

void add_further(std::vector<Arm>& arms, const Arm& like, const StudySettings& settings, const std::string& prefix) {
  std::vector<Arm> further;  // apart: `like` may be one of `arms`, which move as they grow
  for (const std::string& kind : further_kinds(arms, settings, prefix)) {
    Arm arm = like;
    arm.name = prefix + kind;
    arm.config["critic.constraint"] = kind;
    if (kind == "dragan") arm.config["critic.lambda"] = 10;  // as published; the presets say why not less
    further.push_back(std::move(arm));
  }
  arms.insert(arms.end(), further.begin(), further.end());
}

std::vector<ArmText> with_further(std::vector<ArmText> own, const StudySettings& settings, const std::string& prefix) {
  constexpr int first_colour = 2, colours = 8;  // after clipping's and the penalty's
  int colour = first_colour;
  for (const std::string& kind : further_kinds(own, settings, prefix)) {
    own.push_back({prefix + kind, kind, colour, true});
    if (++colour == colours) colour = first_colour;
  }
  return own;
}

RunConfig config_of(const json& settings) {
  RunConfig config;
  for (const auto& [key, value] : settings.at("config").items()) apply_setting(config, key + "=" + value.dump());
  config.seed = settings.at("seed").get<int64_t>();
  validate(config);
  return config;
}

std::vector<const Outcome*> outcomes_of(const std::vector<Outcome>& outcomes, const std::string& arm) {
  std::vector<const Outcome*> found;
  for (const Outcome& outcome : outcomes) {
    if (outcome.settings.value("arm", "") == arm) found.push_back(&outcome);
  }
  return found;
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

Series series_of(const ArmText& arm) {
  return {.name = arm.label, .colour = arm.colour, .x = {}, .y = {}, .dashed = arm.dashed};
}

void add_point(Series& series, const std::vector<double>& values) {
  const Interval interval =
      values.empty() ? Interval{std::nan(""), std::nan(""), std::nan(""), 0} : confidence_interval(values);
  series.y.push_back(interval.mean);
  series.low.push_back(interval.low);
  series.high.push_back(interval.high);
}

Series mean_curve(const std::vector<Outcome>& outcomes, const ArmText& arm, const std::string& key) {
  Series series = series_of(arm);
  std::vector<std::vector<double>> at;  // of each x, a value a seed
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

Series mean_list(const std::vector<Outcome>& outcomes, const ArmText& arm, const std::string& key) {
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

Series mean_histogram(const std::vector<Outcome>& outcomes, const ArmText& arm, const std::string& key) {
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

std::string say(const std::vector<double>& values) {
  if (values.empty()) return "-";
  const Interval interval = confidence_interval(values);
  if (!std::isfinite(interval.low)) return fmt::format("{:.3g} (one seed)", interval.mean);
  return fmt::format("{:.3g} [{:.3g}, {:.3g}]", interval.mean, interval.low, interval.high);
}

}  // namespace kantor
