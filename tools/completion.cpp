// kantor completion: scripts that complete subcommands, options and their values in bash, zsh and fish. They are made
// from the program's own options, so that they cannot differ from them.
#include "engine/error.h"
#include "models/data/open_dataset.h"
#include "models/lipschitz/constraint.h"
#include "models/losses/loss.h"
#include "models/studies/all.h"
#include "models/training/presets.h"
#include "tools/commands.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace kantor {
namespace {

using Words = std::vector<std::string>;

struct Choice {
  std::string name, text;  // "--preset"; its first line of help
  Words values;            // that may follow; none: a file, a number, or nothing
  bool takes_value = false;
};

struct Subcommand {
  std::string name, text;
  Words words;  // subcommands of its own, and what it takes without an option
  std::vector<Choice> options;
};

Words with(Words words, const std::string& more) {
  words.push_back(more);
  return words;
}

/// Values of options and arguments, by their names.
const std::map<std::string, Words>& known_values() {
  static const std::map<std::string, Words> values = [] {
    Words studies;
    for (const Study& study : kantor::studies()) studies.push_back(study.name);
    return std::map<std::string, Words>{
        {"--preset", preset_names()},
        {"--constraint", constraint_kinds()},
        {"--constraints", with(constraint_kinds(), "all")},
        {"--loss", loss_names()},
        {"--device", {"auto", "cpu", "sim", "cuda"}},
        {"--dtype", {"float32", "float64"}},
        {"study name", with(studies, "all")},
        {"data data", dataset_kinds()},
        {"completion shell", {"bash", "zsh", "fish"}},
    };
  }();
  return values;
}

Words values_of(const std::string& key) {
  const auto found = known_values().find(key);
  return found == known_values().end() ? Words() : found->second;
}

/// Up to the first sentence's end, without what a shell would read as its own.
std::string plain(const std::string& text) {
  std::string line;
  for (const char c : text.substr(0, text.find(';'))) {
    if (c == '\'' || c == '"' || c == '`' || c == '$' || c == '\\' || c == '[' || c == ']') continue;
    line += c == '\n' || c == ':' ? ' ' : c;
  }
  return line;
}

std::vector<Subcommand> describe(const CLI::App& app) {
  std::vector<Subcommand> all;
  for (const CLI::App* sub : app.get_subcommands(nullptr)) {
    Subcommand command{sub->get_name(), plain(sub->get_description()), {}, {}};
    for (const CLI::App* inner : sub->get_subcommands(nullptr)) command.words.push_back(inner->get_name());
    for (const CLI::Option* option : sub->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        const Choice choice{"--" + name, plain(option->get_description()), values_of("--" + name),
                            option->get_items_expected_max() > 0};
        command.options.push_back(choice);
      }
      if (option->get_lnames().empty()) {
        const Words values = values_of(sub->get_name() + " " + option->get_name());
        command.words.insert(command.words.end(), values.begin(), values.end());
      }
    }
    all.push_back(std::move(command));
  }
  return all;
}

Words names_of(const std::vector<Choice>& options) {
  Words names;
  for (const Choice& option : options) names.push_back(option.name);
  return names;
}

Words names_of(const std::vector<Subcommand>& commands) {
  Words names;
  for (const Subcommand& command : commands) names.push_back(command.name);
  return names;
}

/// "case" arms that complete what follows an option, for bash and zsh: `format` takes the option and its values.
std::string value_arms(const char* format) {
  std::string arms;
  for (const auto& [key, values] : known_values()) {
    if (key.starts_with("--")) arms += fmt::format(fmt::runtime(format), key, fmt::join(values, " "));
  }
  return arms;
}

std::string bash(const std::vector<Subcommand>& commands) {
  std::string arms;
  for (const Subcommand& c : commands) {
    arms += fmt::format("      {}) words='{} {}' ;;\n", c.name, fmt::join(c.words, " "),
                        fmt::join(names_of(c.options), " "));
  }
  return fmt::format(R"script(# Completion of kantor in bash: eval "$(kantor completion bash)"
_kantor() {{
  local words='' current="${{COMP_WORDS[COMP_CWORD]}}"
  case "${{COMP_WORDS[COMP_CWORD-1]}}" in
{}  esac
  if [ -z "$words" ] && [ "$COMP_CWORD" = 1 ]; then words='{}'; fi
  if [ -z "$words" ]; then
    case "${{COMP_WORDS[1]}}" in
{}    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _kantor kantor
)script",
                     value_arms("    {}) words='{}' ;;\n"), fmt::join(names_of(commands), " "), arms);
}

std::string zsh(const std::vector<Subcommand>& commands) {
  std::string list, arms;
  for (const Subcommand& c : commands) {
    list += fmt::format(" '{}:{}'", c.name, c.text);
    arms += fmt::format("    {}) compadd -- {} {} ;;\n", c.name, fmt::join(c.words, " "),
                        fmt::join(names_of(c.options), " "));
  }
  return fmt::format(R"script(#compdef kantor
# Completion of kantor in zsh: eval "$(kantor completion zsh)", after compinit
_kantor() {{
  local -a commands=({} )
  if (( CURRENT == 2 )); then _describe command commands; return; fi
  case "${{words[CURRENT-1]}}" in
{}  esac
  case "${{words[2]}}" in
{}  esac
  _files
}}
compdef _kantor kantor
)script",
                     list, value_arms("    {}) compadd -- {}; return ;;\n"), arms);
}

std::string fish(const std::vector<Subcommand>& commands) {
  std::string text = "# Completion of kantor in fish: kantor completion fish | source\n";
  for (const Subcommand& c : commands) {
    text += fmt::format("complete -c kantor -n __fish_use_subcommand -f -a {} -d '{}'\n", c.name, c.text);
    const std::string seen = fmt::format("complete -c kantor -n '__fish_seen_subcommand_from {}'", c.name);
    for (const std::string& word : c.words) text += fmt::format("{} -a {}\n", seen, word);
    for (const Choice& option : c.options) {
      text += fmt::format("{} -l {}{}{} -d '{}'\n", seen, option.name.substr(2), option.takes_value ? " -r" : "",
                          option.values.empty() ? "" : fmt::format(" -f -a '{}'", fmt::join(option.values, " ")),
                          option.text);
    }
  }
  return text;
}

}  // namespace

void add_completion(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("completion", "print a script that completes kantor's words in your shell");
  const auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->footer("Example: eval \"$(kantor completion bash)\"");
  command->callback([&app, shell, &exit_code] {
    const std::vector<Subcommand> commands = describe(app);
    fmt::print("{}", *shell == "bash" ? bash(commands) : *shell == "zsh" ? zsh(commands) : fish(commands));
    exit_code = exit_ok;
  });
}

}  // namespace kantor
