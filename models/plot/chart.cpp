#include "models/plot/chart.h"

#include "engine/error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace kantor {
namespace {

constexpr double width = 640, height = 380, left = 74, right = 18, bottom = 58;

// Okabe and Ito's colours; brighter ones on a dark ground. Orange is clipping and blue the penalty wherever they stand.
constexpr const char* style = R"(<style>
.chart { --c0: #d55e00; --c1: #0072b2; --c2: #009e73; --c3: #cc79a7; --c4: #e69f00; --c5: #56b4e9; --c6: #7f7f7f; --c7: #000000;
  --chart-ink: #1b1f24; --chart-soft: #57606a; --chart-line: #d0d7de; --chart-paper: #ffffff; font: 13px system-ui, "DejaVu Sans", sans-serif; }
@media screen and (prefers-color-scheme: dark) {
  .chart { --c0: #ff8a3d; --c1: #56b4e9; --c2: #2fd6a3; --c3: #f0a3cd; --c4: #ffc14d; --c5: #a8dcff; --c6: #aaaaaa; --c7: #ffffff;
    --chart-ink: #e6edf3; --chart-soft: #9aa4af; --chart-line: #30363d; --chart-paper: #0d1117; } }
.chart text { fill: var(--chart-ink); } .chart .tick { fill: var(--chart-soft); font-size: 12px; }
.chart .title { font-size: 15px; font-weight: 600; } .chart .grid { stroke: var(--chart-line); }
.chart .mark { stroke: var(--chart-ink); stroke-dasharray: 6 5; fill: none; }
.chart .curve { fill: none; stroke-width: 2; } .chart .band { stroke: none; opacity: 0.2; }
.chart .beside { stroke: var(--chart-ink); stroke-width: 1.3; fill: var(--chart-paper); }
.chart .whisker { stroke: var(--chart-ink); stroke-width: 1.3; fill: none; }
</style>)";

/// A number as a tick or a tooltip shows it.
std::string short_number(double value) {
  if (value == 0) return "0";
  const double size = std::abs(value);
  if (size >= 1e4 || size < 1e-3) {
    std::string text = fmt::format("{:.3g}", value);  // "1e-05" reads better as "1e-5"
    for (const char* sign : {"e-0", "e+0", "e+"}) {
      const size_t at = text.find(sign);
      if (at != std::string::npos) text.replace(at, std::string(sign).size(), sign[1] == '-' ? "e-" : "e");
    }
    return text;
  }
  return fmt::format("{:.4g}", value);
}

/// One axis: the range of what was seen, and where a value lies on it.
class Axis {
 public:
  explicit Axis(bool logarithmic) : logarithmic_(logarithmic) {}

  [[nodiscard]] bool takes(double value) const { return std::isfinite(value) && (!logarithmic_ || value > 0); }
  void see(double value) {
    if (!takes(value)) return;
    low_ = std::min(low_, value);
    high_ = std::max(high_, value);
  }
  /// Fixes the range, with a margin, and where it lies in the picture.
  void place(double from, double to, bool margin) {
    from_ = from, to_ = to;
    if (low_ > high_) low_ = logarithmic_ ? 0.1 : 0, high_ = 1;
    double a = scaled(low_), b = scaled(high_);
    if (a == b) a -= 0.5, b += 0.5;
    const double room = margin ? 0.05 * (b - a) : 0;
    const bool zero = !logarithmic_ && low_ == 0;
    begin_ = zero ? a : a - room;
    end_ = b + room;
  }
  [[nodiscard]] double at(double value) const {
    return from_ + (scaled(value) - begin_) / (end_ - begin_) * (to_ - from_);
  }
  [[nodiscard]] std::vector<double> ticks() const {
    std::vector<double> result;
    if (logarithmic_ && end_ - begin_ >= 1) {
      const double every = std::ceil((end_ - begin_) / 7);
      for (double e = std::ceil(begin_ / every) * every; e <= end_; e += every) result.push_back(std::pow(10, e));
      return result;
    }
    const double low = logarithmic_ ? std::pow(10, begin_) : begin_, high = logarithmic_ ? std::pow(10, end_) : end_;
    const double raw = (high - low) / 6, power = std::pow(10, std::floor(std::log10(raw)));
    double step = 10 * power;
    for (const double nice : {5.0, 2.0, 1.0})
      if (nice * power >= raw) step = nice * power;
    for (double k = std::ceil(low / step); k * step <= high; ++k) result.push_back(k * step);
    return result;
  }

 private:
  [[nodiscard]] double scaled(double value) const { return logarithmic_ ? std::log10(value) : value; }
  bool logarithmic_;
  double low_ = std::numeric_limits<double>::infinity(), high_ = -low_, begin_ = 0, end_ = 1, from_ = 0, to_ = 1;
};

/// The shape of a curve's points: one per colour (four shapes, filled and hollow), so that colour is never the only
/// difference between curves.
std::string marker(int colour, double x, double y) {
  const std::string fill =
      colour < 4 ? fmt::format("fill=\"var(--c{})\"", colour)
                 : fmt::format("fill=\"var(--chart-paper)\" stroke=\"var(--c{})\" stroke-width=\"1.6\"", colour);
  switch (colour % 4) {
    case 0:
      return fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.4\" {}/>", x, y, fill);
    case 1:
      return fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"6.4\" height=\"6.4\" {}/>", x - 3.2, y - 3.2, fill);
    case 2:
      return fmt::format("<path d=\"M{:.1f} {:.1f}l4.2 7.2h-8.4z\" {}/>", x, y - 4.6, fill);
    default:
      return fmt::format("<path d=\"M{:.1f} {:.1f}l4.4 4.4l-4.4 4.4l-4.4-4.4z\" {}/>", x, y - 4.4, fill);
  }
}

class Drawing {
 public:
  explicit Drawing(const Chart& chart) : chart_(chart), x_(chart.log_x), y_(chart.log_y) {
    for (const Series& s : chart.series) {
      const size_t n = chart.kind == Chart::Kind::bars ? chart.categories.size() : s.x.size();
      if (s.y.size() != n || (!s.low.empty() && s.low.size() != n) || s.low.size() != s.high.size() ||
          (!s.beside.empty() && s.beside.size() != n))
        throw ShapeError(
            fmt::format("chart \"{}\": series \"{}\" has lists of different lengths", chart.title, s.name));
    }
    top_ = 34 + legend_height();
    see_values();
  }

  std::string svg() {
    out_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" role=\"img\" viewBox=\"0 0 {0} {1}\" "
        "aria-label=\"{2}\">{3}<title>{2}</title>\n<text class=\"title\" x=\"{4}\" y=\"20\">{2}</text>\n",
        width, height, escape_markup(chart_.title), style, left);
    legend();
    axes();
    for (const Series& s : chart_.series) {
      if (chart_.kind == Chart::Kind::curves) curve(s);
      if (chart_.kind == Chart::Kind::histogram) histogram(s);
    }
    if (chart_.kind == Chart::Kind::bars) bars();
    marks();
    return out_ + "</svg>\n";
  }

 private:
  void see_values() {
    if (chart_.kind != Chart::Kind::curves && !chart_.log_y) y_.see(0);
    for (const Series& s : chart_.series) {
      for (const double x : s.x) x_.see(x);
      for (const auto* values : {&s.y, &s.low, &s.high, &s.beside})
        for (const double y : *values) y_.see(y);
    }
    for (const Mark& m : chart_.marks) (m.vertical ? x_ : y_).see(m.at);
    x_.place(left, width - right, chart_.kind == Chart::Kind::curves);
    y_.place(height - bottom, top_, true);
  }

  /// Legend entries: where each begins, and its row.
  struct Entry {
    double x;
    int row;
  };
  [[nodiscard]] std::vector<Entry> entries() const {
    std::vector<Entry> result;
    double x = left;
    int row = 0;
    for (const Series& s : chart_.series) {
      const double length = 32 + 7.1 * static_cast<double>(s.name.size());
      if (x > left && x + length > width - right) x = left, ++row;
      result.push_back({x, row});
      x += length;
    }
    return result;
  }
  [[nodiscard]] double legend_height() const {
    const auto all = entries();
    return all.empty() ? 0 : 18.0 * (all.back().row + 1);
  }
  void legend() {
    const auto all = entries();
    for (size_t i = 0; i < all.size(); ++i) {
      const Series& s = chart_.series[i];
      const double y = 38 + 18 * all[i].row, x = all[i].x;
      if (chart_.kind == Chart::Kind::curves) {
        out_ += fmt::format("<path class=\"curve\" stroke=\"var(--c{})\"{} d=\"M{:.1f} {:.1f}h18\"/>{}", s.colour,
                            s.dashed ? " stroke-dasharray=\"3 3\"" : "", x, y - 4, marker(s.colour, x + 9, y - 4));
      } else {
        out_ += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"14\" height=\"10\" fill=\"var(--c{})\"/>", x,
                            y - 9, s.colour);
      }
      out_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", x + 23, y, escape_markup(s.name));
    }
  }

  void axes() {
    for (const double tick : y_.ticks()) {
      out_ += fmt::format(
          "<path class=\"grid\" d=\"M{} {:.1f}H{}\"/><text class=\"tick\" x=\"{}\" y=\"{:.1f}\" "
          "text-anchor=\"end\">{}</text>\n",
          left, y_.at(tick), width - right, left - 7, y_.at(tick) + 4, short_number(tick));
    }
    const double foot = height - bottom;
    out_ += fmt::format("<path class=\"grid\" d=\"M{} {}H{}\"/>\n", left, foot, width - right);
    if (chart_.kind == Chart::Kind::bars) {
      const bool crowded = std::any_of(chart_.categories.begin(), chart_.categories.end(), [&](const auto& text) {
        return 6.6 * static_cast<double>(text.size()) > slot();
      });
      for (size_t i = 0; i < chart_.categories.size(); ++i) {
        const double y = foot + 18 + (crowded && i % 2 == 1 ? 13 : 0);  // every second one lower
        out_ += fmt::format("<text class=\"tick\" x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                            left + (static_cast<double>(i) + 0.5) * slot(), y, escape_markup(chart_.categories[i]));
      }
    } else {
      for (const double tick : x_.ticks()) {
        out_ += fmt::format(
            "<path class=\"grid\" d=\"M{0:.1f} {1}v5\"/><text class=\"tick\" x=\"{0:.1f}\" y=\"{2}\" "
            "text-anchor=\"middle\">{3}</text>\n",
            x_.at(tick), foot, foot + 18, short_number(tick));
      }
    }
    out_ += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n", (left + width - right) / 2,
                        height - 14, escape_markup(chart_.x_label));
    out_ += fmt::format("<text transform=\"translate(16 {:.1f}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
                        (top_ + foot) / 2, escape_markup(chart_.y_label));
  }

  [[nodiscard]] bool drawn(const Series& s, size_t i) const { return x_.takes(s.x[i]) && y_.takes(s.y[i]); }

  void curve(const Series& s) {
    std::string there, back, line;
    for (size_t i = 0; i < s.x.size(); ++i) {
      if (!drawn(s, i)) continue;
      const double x = x_.at(s.x[i]);
      line += fmt::format("{}{:.1f} {:.1f}", line.empty() ? "M" : "L", x, y_.at(s.y[i]));
      if (s.low.empty() || !y_.takes(s.low[i]) || !y_.takes(s.high[i])) continue;
      there += fmt::format("{}{:.1f} {:.1f}", there.empty() ? "M" : "L", x, y_.at(s.high[i]));
      back.insert(0, fmt::format("L{:.1f} {:.1f}", x, y_.at(s.low[i])));
    }
    if (!there.empty())
      out_ += fmt::format("<path class=\"band\" fill=\"var(--c{})\" d=\"{}{}z\"/>\n", s.colour, there, back);
    out_ += fmt::format("<path class=\"curve\" stroke=\"var(--c{})\"{} d=\"{}\"/>\n", s.colour,
                        s.dashed ? " stroke-dasharray=\"3 3\"" : "", line);
    const size_t every = std::max<size_t>(1, s.x.size() / 24);
    for (size_t i = 0; i < s.x.size(); i += every) {
      if (!drawn(s, i)) continue;
      out_ += fmt::format("<g><title>{}: {}, {}</title>{}</g>", escape_markup(s.name), short_number(s.x[i]),
                          short_number(s.y[i]), marker(s.colour, x_.at(s.x[i]), y_.at(s.y[i])));
    }
    out_ += '\n';
  }

  void histogram(const Series& s) {
    const double half = s.x.size() > 1 ? (s.x[1] - s.x[0]) / 2 : 0.5, foot = height - bottom;
    std::string line;
    for (size_t i = 0; i < s.x.size(); ++i) {
      if (!x_.takes(s.x[i])) continue;
      const double y = y_.takes(s.y[i]) ? y_.at(s.y[i]) : foot;
      const double a = std::max(x_.at(s.x[i] - half), left), b = std::min(x_.at(s.x[i] + half), width - right);
      if (line.empty()) line = fmt::format("M{:.1f} {:.1f}", a, foot);
      line += fmt::format("L{:.1f} {:.1f}L{:.1f} {:.1f}", a, y, b, y);
      if (i + 1 == s.x.size()) line += fmt::format("V{:.1f}", foot);
    }
    out_ += fmt::format(
        "<path fill=\"var(--c{0})\" fill-opacity=\"0.25\" stroke=\"var(--c{0})\" stroke-width=\"1.5\"{1} "
        "d=\"{2}\"/>\n",
        s.colour, s.dashed ? " stroke-dasharray=\"3 3\"" : "", line);
  }

  [[nodiscard]] double slot() const {
    return (width - right - left) / static_cast<double>(std::max<size_t>(1, chart_.categories.size()));
  }
  void bars() {
    const double foot = height - bottom, count = static_cast<double>(std::max<size_t>(1, chart_.series.size()));
    const double bar = std::min(46.0, 0.8 * slot() / count);
    for (size_t k = 0; k < chart_.series.size(); ++k) {
      const Series& s = chart_.series[k];
      for (size_t i = 0; i < s.y.size(); ++i) {
        if (!y_.takes(s.y[i])) continue;
        const double middle =
            left + (static_cast<double>(i) + 0.5) * slot() + (static_cast<double>(k) - (count - 1) / 2) * bar;
        const double base = chart_.log_y ? foot : y_.at(0), end = y_.at(s.y[i]);
        out_ += fmt::format(
            "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"var(--c{})\"><title>{}, {}: "
            "{}</title></rect>\n",
            middle - 0.44 * bar, std::min(base, end), 0.88 * bar, std::abs(base - end), s.colour, escape_markup(s.name),
            escape_markup(chart_.categories[i]), short_number(s.y[i]));
        if (!s.low.empty() && y_.takes(s.low[i]) && y_.takes(s.high[i])) {
          out_ += fmt::format("<path class=\"whisker\" d=\"M{0:.1f} {1:.1f}h8m-4 0V{2:.1f}m-4 0h8\"/>\n", middle - 4,
                              y_.at(s.low[i]), y_.at(s.high[i]));
        }
        if (!s.beside.empty() && y_.takes(s.beside[i])) {
          out_ += fmt::format(
              "<path class=\"beside\" d=\"M{:.1f} {:.1f}l4.4 4.4l-4.4 4.4l-4.4-4.4z\"><title>{}, {}: {} "
              "beside</title></path>\n",
              middle, y_.at(s.beside[i]) - 4.4, escape_markup(s.name), escape_markup(chart_.categories[i]),
              short_number(s.beside[i]));
        }
      }
    }
  }

  void marks() {
    for (const Mark& m : chart_.marks) {
      if (!(m.vertical ? x_ : y_).takes(m.at)) continue;
      if (m.vertical) {
        out_ += fmt::format(
            "<path class=\"mark\" d=\"M{0:.1f} {1:.1f}V{2}\"/><text class=\"tick\" x=\"{0:.1f}\" "
            "y=\"{3:.1f}\" dx=\"4\">{4}</text>\n",
            x_.at(m.at), top_, height - bottom, top_ + 11, escape_markup(m.text));
      } else {
        out_ += fmt::format(
            "<path class=\"mark\" d=\"M{0} {1:.1f}H{2}\"/><text class=\"tick\" x=\"{2}\" y=\"{3:.1f}\" "
            "text-anchor=\"end\">{4}</text>\n",
            left, y_.at(m.at), width - right, y_.at(m.at) - 5, escape_markup(m.text));
      }
    }
  }

  const Chart& chart_;
  Axis x_, y_;
  double top_ = 34;
  std::string out_;
};

}  // namespace

std::string escape_markup(const std::string& text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string to_svg(const Chart& chart) {
  return Drawing(chart).svg();
}

}  // namespace kantor
