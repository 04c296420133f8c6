#include "tools/lab_page.h"

#include "engine/error.h"
#include "tools/embedded_files.h"
#include "tools/page.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

namespace kantor {

#ifdef KANTOR_HAS_LAB

namespace embedded {
extern const std::string_view lab_engine_js, lab_recorded_json;
const std::vector<EmbeddedFile>& lab_page();
}  // namespace embedded

namespace {

using nlohmann::json;

std::string_view page_file(std::string_view path) {
  for (const embedded::EmbeddedFile& file : embedded::lab_page()) {
    if (file.path == path) return file.content;
  }
  throw Error(fmt::format("the page's file {} is missing in this build", path));
}

/// Every module by its name, "lab/plane", as a data URL: modules of a page on disk cannot fetch each other.
std::string import_map() {
  json imports = json::object();
  for (const embedded::EmbeddedFile& file : embedded::lab_page()) {
    if (!file.path.ends_with(".js") || file.path == "worker.js") continue;
    const std::string name(file.path.substr(0, file.path.size() - 3));
    imports["lab/" + name] = "data:text/javascript;base64," + base64(std::as_bytes(std::span(file.content)));
  }
  return json{{"imports", std::move(imports)}}.dump();
}

/// The texts of every language: those of words/en.json, and of words/PART.en.json that a part of the page brings.
json all_words() {
  static constexpr std::string_view folder = "words/", ending = ".json";
  json words = json::object();
  for (const embedded::EmbeddedFile& file : embedded::lab_page()) {
    if (!file.path.starts_with(folder)) continue;
    std::string_view name = file.path.substr(folder.size());
    name.remove_suffix(ending.size());
    const std::string language(name.substr(name.rfind('.') + 1));  // all of it where there is no dot
    words.emplace(language, json::object());
    words[language].update(json::parse(file.content));
  }
  return words;
}

/// A script's text inside a page: nothing in it may end the element.
std::string_view as_script(std::string_view name, std::string_view text) {
  if (text.find("</script") != std::string_view::npos || text.find("<!--") != std::string_view::npos) {
    throw Error(fmt::format("{} holds a text that would end its element in the page", name));
  }
  return text;
}

std::string data_element(std::string_view id, const json& data) {
  return fmt::format("<script type=\"application/json\" id=\"{}\">{}</script>\n", id, script_safe(data));
}

}  // namespace

std::string lab_page(const std::vector<std::string>& opened) {
  std::string page(page_file("index.html"));
  replace_mark(page, "<!--kantor:styles-->", fmt::format("<style>\n{}</style>", page_file("lab.css")));
  replace_mark(page, "<!--kantor:chart-->",
               fmt::format("<script>{}</script>", as_script("chart.js", embedded::chart_js)));
  std::string data = data_element("words", all_words()) + data_element("sources", lab_sources()) +
                     data_element("recorded", json::parse(embedded::lab_recorded_json)) +
                     data_element("opened", opened.empty() ? json::object() : json{{"toml", opened}});
  data += fmt::format("<script type=\"text/plain\" id=\"worker-text\">{}\n{}</script>",
                      as_script("engine.js", embedded::lab_engine_js), as_script("worker.js", page_file("worker.js")));
  replace_mark(page, "<!--kantor:data-->", data);
  replace_mark(
      page, "<!--kantor:modules-->",
      fmt::format("<script type=\"importmap\">{}</script>\n<script type=\"module\">import \"lab/main\";</script>",
                  import_map()));
  return page;
}

#else

std::string lab_page(const std::vector<std::string>& /*opened*/) {
  throw Error(
      "this build holds no lab: emscripten was not found when it was configured; `tools/kantor lab` installs it and "
      "builds again");
}

#endif

}  // namespace kantor
