// Which of two programs is faster: intervals of a ratio of times that rest on ranks alone, so that a few disturbed
// repetitions, of which a busy machine has many, do not decide.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kantor {

/// The time of the second over that of the first, with an interval.
struct Ratio {
  double value = 1, low = 1, high = 1;
};

/// Of repetitions that were measured apart. The value is the median of all ratios b[j] / a[i] (Hodges and Lehmann
/// 1963); the interval is the one that the test of Mann and Whitney does not reject at that level. Empty if there are
/// too few repetitions for the level: 5 and 5 are enough for 0.99. All times must be positive.
std::optional<Ratio> ratio_of_samples(const std::vector<double>& a, const std::vector<double>& b, double level);

/// Of ratios that were measured one by one, each free of what the others suffered. The value is their median; the
/// interval, of the sign test, goes from the k-th lowest to the k-th highest. Empty if there are too few for the level:
/// 8 are enough for 0.99.
std::optional<Ratio> ratio_of_ratios(std::vector<double> ratios, double level);

/// The fewest ratios for which ratio_of_ratios has an interval.
int64_t fewest_ratios(double level);

enum class Change { same, faster, slower, unclear };
/// What the interval says of the second program, where a difference below the fraction `least` does not matter: slower
/// or faster if the whole interval lies beyond it, the same if the whole interval lies within it, else unclear.
Change change_of(const Ratio& ratio, double least);
std::string to_string(Change change);

}  // namespace kantor
