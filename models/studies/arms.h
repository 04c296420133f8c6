// Arms: what the studies share. An arm is one way of training; each is run at every seed, and its numbers are gathered
// over the seeds again.
#pragma once

#include "models/studies/study.h"
#include "models/training/config.h"

namespace kantor {

struct Arm {
  std::string name;
  nlohmann::json config;                           // keys of RunConfig that differ from the defaults
  nlohmann::json more = nlohmann::json::object();  // further settings of the study's run
};

/// Every arm at every seed, seeds outermost; ids "<arm>-<seed>".
std::vector<StudyRun> every_seed(const std::vector<Arm>& arms, const StudySettings& settings);

/// The configuration that settings["config"] and the seed name. Throws ConfigError.
RunConfig config_of(const nlohmann::json& settings);

/// How an arm is shown: its label in legends, its colour, its line.
struct ArmText {
  std::string name, label;
  int colour;
  bool dashed = false;
};

/// The constraints that are shown besides a study's own: those of `settings` that no arm "<prefix><kind>..." has.
/// Each is trained as `like` is, an arm of the study, and may be one of `arms`.
void add_further(std::vector<Arm>& arms, const Arm& like, const StudySettings& settings,
                 const std::string& prefix = "");
/// A study's own texts, "<prefix><kind>...", and those of the further constraints after them.
std::vector<ArmText> with_further(std::vector<ArmText> own, const StudySettings& settings,
                                  const std::string& prefix = "");

/// The arm's outcomes, by seed.
std::vector<const Outcome*> outcomes_of(const std::vector<Outcome>& outcomes, const std::string& arm);

/// numbers[key] of each of the arm's outcomes where it is a number.
std::vector<double> values_of(const std::vector<Outcome>& outcomes, const std::string& arm, const std::string& key);

/// a's numbers[key] minus b's, seed by seed, where both were measured.
std::vector<double> differences(const std::vector<Outcome>& outcomes, const std::string& a, const std::string& b,
                                const std::string& key);

/// An empty series of the arm's label, colour and line.
Series series_of(const ArmText& arm);

/// Mean and interval over the seeds of numbers[key] = {"x": [...], "y": [...]}, at the x of the first seed.
Series mean_curve(const std::vector<Outcome>& outcomes, const ArmText& arm, const std::string& key);

/// Mean and interval over the seeds of the list numbers[key], for bars.
Series mean_list(const std::vector<Outcome>& outcomes, const ArmText& arm, const std::string& key);

/// Share per bin over all seeds of numbers[key] = {"low", "high", "counts"}, whose bins must agree.
Series mean_histogram(const std::vector<Outcome>& outcomes, const ArmText& arm, const std::string& key);

/// Appends the mean of `values` with its interval; NaN where there is none, which a chart leaves out.
void add_point(Series& series, const std::vector<double>& values);

/// "0.612 [0.598, 0.626]", "-" for an empty list.
std::string say(const std::vector<double>& values);

}  // namespace kantor
