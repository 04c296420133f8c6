// Charts: the SVG is well-formed, has everything that was given, and nothing that cannot be drawn.
#include "models/plot/chart.h"

#include "engine/error.h"
#include "tests/catch.h"

#include <cmath>

using namespace kantor;

namespace {

/// Every element is closed in order, and no attribute or text holds a bare <.
bool well_formed(const std::string& svg) {
  std::vector<std::string> open;
  for (size_t at = svg.find('<'); at != std::string::npos; at = svg.find('<', at + 1)) {
    const size_t end = svg.find('>', at);
    if (end == std::string::npos) return false;
    const std::string tag = svg.substr(at + 1, end - at - 1);
    if (tag.find('<') != std::string::npos) return false;
    const std::string name = tag.substr(tag[0] == '/' ? 1 : 0, tag.find_first_of(" /", 1) - (tag[0] == '/' ? 1 : 0));
    if (tag[0] == '/') {
      if (open.empty() || open.back() != name) return false;
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(name);
    }
  }
  return open.empty();
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("chart: curves with their bands, marks and legend, on linear and logarithmic axes") {
  Chart chart{.title = "A <b> & \"c\"",
              .x_label = "steps",
              .y_label = "norm",
              .series = {{"first", 0, {1, 10, 100}, {1e-3, 1, 1e3}, {1e-4, 0.5, 1e2}, {1e-2, 2, 1e4}},
                         {"second", 5, {1, 10, 100}, {2, 2, 2}}},
              .marks = {{1, "one"}, {10, "ten", true}}};
  for (const bool logarithmic : {false, true}) {
    chart.log_x = chart.log_y = logarithmic;
    const std::string svg = to_svg(chart);
    CHECK(well_formed(svg));
    CHECK_THAT(svg, Contains("A &lt;b&gt; &amp; &quot;c&quot;") && Contains(">first<") && Contains(">second<"));
    CHECK_THAT(svg, Contains(">one<") && Contains(">ten<") && Contains(">steps<") && Contains(">norm<"));
    CHECK(count(svg, "class=\"band\"") == 1);
    CHECK(count(svg, "class=\"mark\"") == 2);
  }
}

TEST_CASE("chart: what cannot stand on an axis is left out") {
  Chart chart{.log_y = true, .series = {{"s", 0, {1, 2, 3, 4}, {NAN, 0, INFINITY, 5}}}};
  const std::string svg = to_svg(chart);
  CHECK(well_formed(svg));
  CHECK(count(svg, "<title>s: ") == 1);
  CHECK(svg.find("nan") == std::string::npos);
  CHECK(svg.find("inf") == std::string::npos);
  chart.series = {{"s", 0, {}, {}}};
  CHECK(well_formed(to_svg(chart)));
  chart.series.clear();
  CHECK(well_formed(to_svg(chart)));
}

TEST_CASE("chart: bars of every series at every category, negative ones below the line") {
  const Chart chart{
      .kind = Chart::Kind::bars,
      .categories = {"a", "b"},
      .series = {{"s", 0, {}, {1, -1}, {0.5, -2}, {1.5, 0}}, {"t", 1, {}, {2, 3}, {}, {}, false, {2.5, NAN}}}};
  const std::string svg = to_svg(chart);
  CHECK(well_formed(svg));
  CHECK(count(svg, "class=\"beside\"") == 1);
  CHECK(svg.find("t, a: 2.5 beside") != std::string::npos);
  CHECK(count(svg, "<title>s, ") == 2);
  CHECK(count(svg, "<title>t, ") == 3);
  CHECK(count(svg, "class=\"whisker\"") == 2);
  CHECK(svg.find("height=\"-") == std::string::npos);
}

TEST_CASE("chart: names of categories that have no room side by side stand in two rows") {
  const auto rows = [](const std::vector<std::string>& names) {
    Chart chart{.kind = Chart::Kind::bars, .categories = names, .series = {{"s", 0, {}, {}}}};
    chart.series[0].y.assign(names.size(), 1);
    const std::string svg = to_svg(chart);
    const auto height = [&](const std::string& name) {
      const size_t end = svg.find(">" + name + "<"), at = svg.rfind(" y=\"", end);
      return std::stod(svg.substr(at + 4));
    };
    return height(names[1]) - height(names[0]);
  };
  CHECK(rows({"short", "names"}) == 0);
  std::vector<std::string> many;
  for (int i = 0; i < 11; ++i) many.push_back("a longer name " + std::to_string(i));
  CHECK(rows(many) > 10);
}

TEST_CASE("chart: lists of different lengths are refused by name") {
  CHECK_THROWS_AS(to_svg({.series = {{"s", 0, {1, 2}, {1}}}}), ShapeError);
  CHECK_THROWS_WITH(to_svg({.series = {{"named", 0, {1}, {1}, {0.5}, {}}}}), Contains("named"));
  CHECK_THROWS_AS(to_svg({.kind = Chart::Kind::bars, .categories = {"a"}, .series = {{"s", 0, {}, {1, 2}}}}),
                  ShapeError);
  CHECK_THROWS_AS(
      to_svg({.kind = Chart::Kind::bars, .categories = {"a"}, .series = {{"s", 0, {}, {1}, {}, {}, false, {1, 2}}}}),
      ShapeError);
}
