// kantor completion: scripts that complete subcommands, options and their values in bash, zsh and fish. They are made
// from the program's own options, so that they cannot differ from them.
#include "tools/command_line.h"
#include "tools/commands.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace kantor {
namespace {

using Words = std::vector<std::string>;

/// Up to the first sentence's end, without what a shell would read as its own.
std::string plain(const std::string& text) {
  std::string line;
  for (const char c : text.substr(0, text.find(';'))) {
    if (c == '\'' || c == '"' || c == '`' || c == '$' || c == '\\' || c == '[' || c == ']') continue;
    line += c == '\n' || c == ':' ? ' ' : c;
  }
  return line;
}

/// What may follow a subcommand without an option: its own subcommands, and its argument's known values.
Words words_of(const CommandText& command) {
  Words words;
  for (const CommandText& sub : command.subcommands) words.push_back(sub.name.substr(command.name.size() + 1));
  for (const OptionText& argument : command.arguments) {
    words.insert(words.end(), argument.values.begin(), argument.values.end());
  }
  return words;
}

/// The long names of an option, which are the ones that are completed.
Words long_names(const OptionText& option) {
  Words names;
  for (const std::string& name : option.names) {
    if (name.starts_with("--")) names.push_back(name);
  }
  return names;
}

/// Options of a subcommand and of its own subcommands.
std::vector<OptionText> all_options(const CommandText& command) {
  std::vector<OptionText> all = command.options;
  for (const CommandText& sub : command.subcommands) {
    for (const OptionText& option : sub.options) {
      const auto same = [&](const OptionText& other) { return other.names == option.names; };
      if (std::none_of(all.begin(), all.end(), same)) all.push_back(option);
    }
  }
  return all;
}

Words names_of(const std::vector<OptionText>& options) {
  Words names;
  for (const OptionText& option : options) {
    for (const std::string& name : long_names(option)) names.push_back(name);
  }
  return names;
}

Words names_of(const std::vector<CommandText>& commands) {
  Words names;
  for (const CommandText& command : commands) names.push_back(command.name);
  return names;
}

/// "case" arms that complete what follows an option, for bash and zsh: `format` takes the option and its values.
std::string value_arms(const std::vector<CommandText>& commands, const char* format) {
  std::map<std::string, std::string> arms;
  for (const CommandText& command : commands) {
    for (const OptionText& option : all_options(command)) {
      for (const std::string& name : long_names(option)) {
        if (option.values.empty()) continue;
        arms[name] = fmt::format(fmt::runtime(format), name, fmt::join(option.values, " "));
      }
    }
  }
  std::string text;
  for (const auto& [name, arm] : arms) text += arm;
  return text;
}

std::string bash(const std::vector<CommandText>& commands) {
  std::string arms;
  for (const CommandText& c : commands) {
    arms += fmt::format("      {}) words='{} {}' ;;\n", c.name, fmt::join(words_of(c), " "),
                        fmt::join(names_of(all_options(c)), " "));
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
                     value_arms(commands, "    {}) words='{}' ;;\n"), fmt::join(names_of(commands), " "), arms);
}

std::string zsh(const std::vector<CommandText>& commands) {
  std::string list, arms;
  for (const CommandText& c : commands) {
    list += fmt::format(" '{}:{}'", c.name, plain(c.text));
    arms += fmt::format("    {}) compadd -- {} {} ;;\n", c.name, fmt::join(words_of(c), " "),
                        fmt::join(names_of(all_options(c)), " "));
  }
  return fmt::format(R"script(#compdef kantor
# Completion of kantor in zsh: eval "$(kantor completion zsh)", after compinit; or this file as _kantor in $fpath, whose
# first call is a completion already.
_kantor() {{
  local -a commands=({} )
  if (( CURRENT == 2 )); then _describe command commands; return; fi
  case "${{words[CURRENT-1]}}" in
{}  esac
  case "${{words[2]}}" in
{}  esac
  _files
}}
if [ "$funcstack[1]" = _kantor ]; then _kantor "$@"; else compdef _kantor kantor; fi
)script",
                     list, value_arms(commands, "    {}) compadd -- {}; return ;;\n"), arms);
}

std::string fish(const std::vector<CommandText>& commands) {
  std::string text = "# Completion of kantor in fish: kantor completion fish | source\n";
  for (const CommandText& c : commands) {
    text += fmt::format("complete -c kantor -n __fish_use_subcommand -f -a {} -d '{}'\n", c.name, plain(c.text));
    const std::string seen = fmt::format("complete -c kantor -n '__fish_seen_subcommand_from {}'", c.name);
    for (const std::string& word : words_of(c)) text += fmt::format("{} -a {}\n", seen, word);
    for (const OptionText& option : all_options(c)) {
      for (const std::string& name : long_names(option)) {
        text += fmt::format("{} -l {}{}{} -d '{}'\n", seen, name.substr(2), option.value.empty() ? "" : " -r",
                            option.values.empty() ? "" : fmt::format(" -f -a '{}'", fmt::join(option.values, " ")),
                            plain(option.text));
      }
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
    const std::vector<CommandText> commands = describe(app).subcommands;
    fmt::print("{}", *shell == "bash" ? bash(commands) : *shell == "zsh" ? zsh(commands) : fish(commands));
    exit_code = exit_ok;
  });
}

}  // namespace kantor
