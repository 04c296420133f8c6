#include "tools/command_line.h"

#include "models/data/open_dataset.h"
#include "models/lipschitz/constraint.h"
#include "models/losses/loss.h"
#include "models/studies/all.h"
#include "models/training/config_fields.h"
#include "models/training/presets.h"

#include <fmt/format.h>
#include <map>
#include <sstream>

namespace kantor {
namespace {

using Words = std::vector<std::string>;

Words with(Words words, const std::string& more) {
  words.push_back(more);
  return words;
}

/// The known values of an option ("--preset") or of a subcommand's argument ("study name").
Words values_of(const std::string& key) {
  static const std::map<std::string, Words> known = [] {
    Words studies;
    for (const Study& study : kantor::studies()) studies.push_back(study.name);
    Words keys;
    for (const ConfigField& field : config_fields()) keys.push_back(field.key + "=");
    return std::map<std::string, Words>{
        {"--preset", preset_names()},
        {"--constraint", constraint_kinds()},
        {"--constraints", with(constraint_kinds(), "all")},
        {"--loss", loss_names()},
        {"--device", {"auto", "cpu", "sim", "cuda"}},
        {"--sweep", keys},
        {"--dtype", {"float32", "float64"}},
        {"--step", {"clip", "penalty", "generator"}},
        {"study name", with(studies, "all")},
        {"data data", dataset_kinds()},
        {"completion shell", {"bash", "zsh", "fish"}},
    };
  }();
  const auto found = known.find(key);
  return found == known.end() ? Words() : found->second;
}

OptionText describe(const CLI::Option& option, const std::string& command) {
  OptionText result;
  result.text = option.get_description();
  result.required = option.get_required();
  if (!option.get_default_str().empty()) result.text += " (default " + option.get_default_str() + ")";
  if (option.nonpositional()) {
    for (const std::string& name : option.get_snames()) result.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) result.names.push_back("--" + name);
    if (option.get_items_expected_max() > 0) {
      const std::string type = option.get_type_name();  // "N:INT in [1 - 1024]" with a check
      result.value = type.substr(0, type.find(':'));
    }
  } else {
    result.names = {option.get_name()};
    result.several = option.get_items_expected_max() > 1;
  }
  for (const std::string& name : result.names) {
    const Words values = values_of(option.nonpositional() ? name : fmt::format("{} {}", command, name));
    result.values.insert(result.values.end(), values.begin(), values.end());
  }
  return result;
}

/// Takes a footer apart: lines that are commands, and the text besides.
void read_footer(const std::string& footer, CommandText& command) {
  std::istringstream lines(footer);
  for (std::string line; std::getline(lines, line);) {
    const std::string first = "Example: ";
    if (line.starts_with(first)) line = line.substr(first.size());
    const size_t start = line.find_first_not_of(' ');
    if (start == std::string::npos || line == "Examples:") continue;
    if (line.compare(start, 7, "kantor ") == 0 || line.compare(start, 6, "eval \"") == 0) {
      command.examples.push_back(line.substr(start));
    } else {
      command.notes += (command.notes.empty() ? "" : " ") + line.substr(start);
    }
  }
}

CommandText describe(const CLI::App& app, const std::string& name) {
  CommandText result;
  result.name = name;
  result.text = app.get_description();
  const CLI::App* parent = app.get_parent();
  if (parent == nullptr || parent->get_footer() != app.get_footer())
    read_footer(app.get_footer(), result);  // else theirs
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;  // hidden
    (option->nonpositional() ? result.options : result.arguments).push_back(describe(*option, name));
  }
  for (const CLI::App* sub : app.get_subcommands(nullptr)) {
    result.subcommands.push_back(describe(*sub, name.empty() ? sub->get_name() : name + " " + sub->get_name()));
  }
  return result;
}

}  // namespace

CommandText describe(const CLI::App& app) {
  return describe(app, "");
}

}  // namespace kantor
