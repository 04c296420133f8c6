// Intervals: what a few repetitions of a measurement say about its mean.
#pragma once

#include <cstdint>
#include <span>

namespace kantor {

/// The two-sided 95 % confidence interval of a mean, by Student's t: mean +- t(n - 1) s / sqrt(n). For one value the
/// ends are infinite; for equal values both are the mean.
struct Interval {
  double mean = 0, low = 0, high = 0;
  int64_t count = 0;
};

/// Throws ShapeError for an empty list, NonFiniteError for a NaN or infinity.
Interval confidence_interval(std::span<const double> values);

/// P(|T| <= t) for Student's T with n degrees of freedom (Abramowitz and Stegun 26.7.3 and 26.7.4).
double student_probability(double t, int64_t degrees);

}  // namespace kantor
