// How far a timed result is from float64.
#pragma once

#include <cmath>
#include <limits>

namespace kantor {

/// The worst element: its error divided by its scale, the sum of the absolute values of its terms, and how large that
/// may be. NaN never passes.
struct Accuracy {
  double error = std::numeric_limits<double>::quiet_NaN();  // not compared yet
  double allowed = 0;
  [[nodiscard]] bool passed() const { return error <= allowed; }
};

/// Finds the worst of many elements.
class Comparison {
 public:
  explicit Comparison(double allowed) : worst_{0, allowed} {}
  /// An element that is not finite where it should be is infinitely wrong, also where `scale` is 0.
  void add(double found, double expected, double scale) {
    ++elements_;
    if (found == expected) return;
    const double difference = std::fabs(found - expected);
    const double error = scale > 0 ? difference / scale : std::numeric_limits<double>::infinity();
    if (!(error <= worst_.error)) worst_.error = std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
  }
  /// One that compared nothing does not pass.
  [[nodiscard]] Accuracy result() const { return elements_ > 0 ? worst_ : Accuracy{.allowed = worst_.allowed}; }

 private:
  Accuracy worst_;
  long elements_ = 0;
};

}  // namespace kantor
