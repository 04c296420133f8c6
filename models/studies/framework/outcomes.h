// Outcomes: the numbers of an arm's runs, gathered over the seeds for tables, charts and sentences.
#pragma once

#include "models/studies/framework/study.h"

#include <string>
#include <vector>

namespace kantor {

/// The arm's outcomes, by seed.
std::vector<const Outcome*> outcomes_of(const std::vector<Outcome>& outcomes, const std::string& arm);
/// The first of them, whose pictures are shown; nullptr where there is none.
const Outcome* first_outcome(const std::vector<Outcome>& outcomes, const std::string& arm);

/// numbers[key] of each of the arm's outcomes where it is a number.
std::vector<double> values_of(const std::vector<Outcome>& outcomes, const std::string& arm, const std::string& key);

/// a's numbers[key] minus b's, seed by seed, where both were measured.
std::vector<double> differences(const std::vector<Outcome>& outcomes, const std::string& a, const std::string& b,
                                const std::string& key);

/// An empty series with the arm's label, colour and line.
Series series_of(const Arm& arm);

/// Appends the mean of `values` with its interval; NaN where there is none, which a chart leaves out.
void add_point(Series& series, const std::vector<double>& values);

/// Mean and interval over the seeds of numbers[key] = {"x": [...], "y": [...]}, at the x of the first seed.
Series mean_curve(const std::vector<Outcome>& outcomes, const Arm& arm, const std::string& key);

/// Mean and interval over the seeds of the list numbers[key], for bars.
Series mean_list(const std::vector<Outcome>& outcomes, const Arm& arm, const std::string& key);

/// Fraction per bin over all seeds of numbers[key] = {"low", "high", "counts"}, whose bins must agree.
Series mean_histogram(const std::vector<Outcome>& outcomes, const Arm& arm, const std::string& key);

/// Adds a category to a chart of bars: the mean of numbers[key] of each arm, in the series of the arm's label.
void add_bars(Chart& chart, const std::string& category, const std::vector<Outcome>& outcomes,
              const std::vector<Arm>& arms, const std::string& key);

/// "0.612 [0.598, 0.626]", "-" for an empty list.
std::string say(const std::vector<double>& values);
/// The same of an arm's numbers[key].
std::string say(const std::vector<Outcome>& outcomes, const std::string& arm, const std::string& key);

}  // namespace kantor
