// Charts as SVG: curves with their intervals, histograms, bars. A file is complete, works in dark mode and in print,
// and may be put into a page as it is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kantor {

struct Series {
  std::string name;  // in the legend
  int colour = 0;    // of eight that the colour-blind can tell apart; curves differ in their markers as well
  std::vector<double> x, y;
  std::vector<double> low = {}, high = {};  // ends of y's interval; empty: none
  bool dashed = false;
  std::vector<double> beside = {};  // of bars: another's value for each, a diamond at its height; NaN or empty: none
};

/// A dashed reference line with its text: at y = `at`, or at x = `at`.
struct Mark {
  double at = 0;
  std::string text;
  bool vertical = false;
};

struct Chart {
  enum class Kind : uint8_t {
    curves,     // y over x
    histogram,  // the same as filled steps, x being the middles of equal bins
    bars        // y of each series at each of `categories`
  };
  Kind kind = Kind::curves;
  std::string title = {}, x_label = {}, y_label = {};
  bool log_x = false, log_y = false;
  std::vector<std::string> categories = {};
  std::vector<Series> series = {};
  std::vector<Mark> marks = {};
};

/// Leaves out what an axis cannot show (NaN, infinite, or not above 0 on a logarithmic one). Throws ShapeError
/// where a series' lists differ in length.
std::string to_svg(const Chart& chart);

/// `text` with &, <, > and quotes as entities, for HTML and SVG.
std::string escape_markup(const std::string& text);

}  // namespace kantor
