// The program's subcommands and options as data: what completion scripts and the manual page are made of, so that they
// cannot differ from what the program takes.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace kantor {

/// An option, or an argument without a name.
struct OptionText {
  std::vector<std::string> names;   // "-h", "--help"; of an argument: its name in the help
  std::string value;                // what follows the name, such as FILE; "" where nothing does
  std::string text;                 // of the help, with the default
  std::vector<std::string> values;  // the values that are known by name
  bool required = false;
  bool several = false;  // of an argument: may be given more than once
};

struct CommandText {
  std::string name, text;  // "bench clip-vs-penalty"; "" for the program itself
  std::vector<OptionText> arguments, options;
  std::vector<std::string> examples;  // whole command lines
  std::string notes;                  // what the help says after the examples
  std::vector<CommandText> subcommands;
};

/// Everything that `--help` shows of the program and its subcommands; hidden options are left out.
CommandText describe(const CLI::App& app);

}  // namespace kantor
