#include "tools/study_page.h"

#include "engine/build_info.h"
#include "models/files/atomic_file.h"
#include "models/studies/all.h"
#include "tools/duration.h"
#include "tools/page.h"

#include <algorithm>
#include <fmt/format.h>

namespace kantor {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string text_of(const json& object, const char* key) {
  return escape_markup(object.value(key, ""));
}

std::string badge(const std::string& verdict) {
  std::string kind = verdict;
  std::replace(kind.begin(), kind.end(), ' ', '-');
  return fmt::format("<span class=\"verdict {}\">{}</span>", escape_markup(kind), escape_markup(verdict));
}

std::string number(const json& value) {
  return value.is_number() ? fmt::format("{:.3g}", value.get<double>()) : "?";
}

std::string paragraphs(const json& texts) {
  std::string html;
  for (const json& text : texts) html += fmt::format("<p>{}</p>\n", escape_markup(text.get<std::string>()));
  return html;
}

/// "0.612 [0.598, 0.626] 3 seeds".
std::string interval(const json& finding) {
  if (!finding.contains("ours")) return "not measured";
  const json& ours = finding["ours"];
  const auto seeds = ours.at("seeds").get<int64_t>();
  if (!ours["low"].is_number()) return fmt::format("{} <small>1 seed</small>", number(ours["mean"]));
  return fmt::format("{} <small>[{}, {}] {} seeds</small>", number(ours["mean"]), number(ours["low"]),
                     number(ours["high"]), seeds);
}

std::string findings_table(const json& findings) {
  std::string html =
      "<div class=\"table\"><table><thead><tr><th scope=\"col\">measured</th><th scope=\"col\">ours: mean [95 % "
      "interval]</th><th class=\"text\" scope=\"col\">published</th><th class=\"text\" scope=\"col\">bar</th>"
      "<th scope=\"col\">verdict</th></tr></thead><tbody>\n";
  for (const json& finding : findings) {
    std::string published = text_of(finding, "published");
    if (const std::string source = text_of(finding, "source"); !source.empty()) {
      published += fmt::format("{}<small>{}</small>", published.empty() ? "" : "<br>", source);
    }
    const bool judged = finding.contains("bar");
    html += fmt::format(
        "<tr><td class=\"text\">{}</td><td>{}</td><td class=\"text\">{}</td><td class=\"text\">{}{}</td><td>{}</td>"
        "</tr>\n",
        text_of(finding, "what"), interval(finding), published.empty() ? "-" : published,
        judged ? text_of(finding, "bar") : "-", finding.value("own_bar", false) ? " &dagger;" : "",
        judged ? badge(finding["verdict"]) : "-");
  }
  return html + "</tbody></table></div>\n";
}

std::string figures(const json& list, const fs::path& folder) {
  std::string html = "<div class=\"grid\">\n";
  for (const json& figure : list) {
    const fs::path file = folder / "figures" / fs::path(figure.value("file", "")).filename();  // never outside
    const std::string image = file.extension() == ".svg"
                                  ? read_text(file)
                                  : fmt::format("<h3>{}</h3><img alt=\"{}\" src=\"{}\">", text_of(figure, "title"),
                                                text_of(figure, "title"), picture_source(file));
    html += fmt::format("<figure>{}<figcaption>{}</figcaption></figure>\n", image, text_of(figure, "caption"));
  }
  return html + "</div>\n";
}

/// Settings, seeds, runs, time and machine of a study, as one paragraph.
std::string circumstances(const json& result) {
  const json& missing = result.at("missing");
  const json& machine = result.at("environment");
  std::string text = fmt::format("{} settings, {} seeds from {}, {} runs, {} of the processor's time; device {}, {}.",
                                 text_of(result, "scale"), result.at("seeds").dump(), result.at("first_seed").dump(),
                                 result.at("runs").dump(), duration(result.value("cpu_seconds", 0.0)),
                                 text_of(machine, "device"), text_of(machine, "processor"));
  if (!missing.empty())
    text += fmt::format(" <b>{} runs are missing</b>: {}.", missing.size(), escape_markup(missing.dump()));
  for (const json& run : result.value("diverged", json::array())) {
    text += fmt::format(" <b>{} diverged</b>: {}.", text_of(run, "id"), text_of(run, "reason"));
  }
  return "<p class=\"reading\">" + text + "</p>\n";
}

std::string section(const json& result, const fs::path& folder) {
  return fmt::format(
      "<section id=\"{0}\">\n<h2>{1} {2}</h2>\n<h4>The claim</h4>\n<blockquote>{3}</blockquote>\n"
      "<h4>How it was tried</h4>\n{4}{5}{6}<h4>Ours beside the published</h4>\n{7}<h4>What it means</h4>\n{8}"
      "<h4>What it does not show</h4>\n{9}</section>\n",
      text_of(result, "study"), text_of(result, "title"), badge(result.at("verdict")), text_of(result, "claim"),
      paragraphs(result.at("method")), circumstances(result), figures(result.at("figures"), folder),
      findings_table(result.at("findings")), paragraphs(result.at("meaning")), paragraphs(result.at("limits")));
}

std::string summary(const std::vector<json>& results) {
  std::string html =
      "<div class=\"table\"><table><thead><tr><th scope=\"col\">study</th><th class=\"text\" scope=\"col\">claim</th>"
      "<th scope=\"col\">settings</th><th scope=\"col\">seeds</th><th scope=\"col\">verdict</th></tr></thead><tbody>\n";
  for (const json& result : results) {
    html += fmt::format(
        "<tr><td><a href=\"#{0}\">{0}</a></td><td class=\"text\">{1}</td><td>{2}</td><td>{3}</td><td>{4}</td></tr>\n",
        text_of(result, "study"), text_of(result, "title"), text_of(result, "scale"), result.at("seeds").dump(),
        badge(result.at("verdict")));
  }
  return html + "</tbody></table></div>\n";
}

}  // namespace

void write_study_page(const fs::path& out) {
  std::vector<json> results;
  std::string sections;
  for (const Study& study : studies()) {
    const fs::path folder = out / study.name;
    if (!fs::exists(folder / "result.json")) continue;
    json result = json::parse(read_text(folder / "result.json"), nullptr, false);
    try {
      sections += section(result, folder);
    } catch (const json::exception& error) {
      throw FileError(
          fmt::format("{}: no result of this program: {}", (folder / "result.json").string(), error.what()));
    }
    results.push_back(std::move(result));
  }
  std::string page(embedded::study_html);
  replace_mark(page, "/*css*/", embedded::report_css);
  replace_mark(page, "/*study.css*/", embedded::study_css);
  replace_mark(page, "/*version*/", build_info().version);
  replace_mark(page, "/*summary*/", summary(results));
  replace_mark(page, "/*sections*/", sections);
  write_file_atomically(out / "report.html", std::string_view(page));
}

}  // namespace kantor
