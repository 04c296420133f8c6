// kantor: trains Wasserstein GANs under weight clipping or a gradient penalty, and looks inside them.
#include "engine/build_info.h"
#include "engine/error.h"
#include "models/files/file_error.h"
#include "models/files/text.h"
#include "models/training/config.h"
#include "tools/commands.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iterator>
#include <new>
#include <string>
#include <vector>

namespace {

using namespace kantor;

constexpr const char* examples = R"(Examples:
  kantor train --preset ring8 --constraint penalty --out runs/a
  kantor compare --preset ring8 --constraint clip --constraint penalty --out runs/b
  kantor study all --quick
  kantor inspect runs/a/checkpoints/step-0002000.safetensors

)";

/// "Exit codes: 0 ok, 1 failure, ...", in lines of 120 characters.
std::string exit_codes() {
  std::string text, line = "Exit codes:";
  for (const ExitText& exit : exit_texts) {
    const bool last = &exit == std::end(exit_texts) - 1;
    const std::string item = fmt::format(" {} {}{}", static_cast<int>(exit.code), exit.text, last ? "." : ",");
    if (line.size() + item.size() > 120) {
      text += line + "\n";
      line = item.substr(1);
    } else {
      line += item;
    }
  }
  return text + line;
}

/// The subcommand that the arguments chose, else the program itself.
const CLI::App& chosen(const CLI::App& app) {
  const auto subcommands = app.get_subcommands();
  return subcommands.empty() ? app : *subcommands.front();
}

/// "; did you mean --seed?" for a misspelled option or subcommand, or "".
std::string suggestion(const CLI::App& app, const std::vector<std::string>& words) {
  std::vector<std::string> known;
  for (const CLI::App* sub : app.get_subcommands(nullptr)) known.push_back(sub->get_name());
  for (const CLI::Option* option : chosen(app).get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  for (const std::string& word : words) {
    const std::string near = nearest(word.substr(0, word.find('=')), known);
    if (!near.empty()) return "; did you mean " + near + "?";
  }
  return "";
}

/// The error if one of the first words is an unknown subcommand; otherwise "".
std::string unknown_subcommand(const CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* at = &app;
  for (const std::string& word : words) {
    std::vector<std::string> known;
    for (const CLI::App* sub : at->get_subcommands(nullptr)) known.push_back(sub->get_name());
    if (known.empty() || word.empty() || word[0] == '-') return "";
    if (std::find(known.begin(), known.end(), word) == known.end()) {
      const std::string near = nearest(word, known);
      return fmt::format("unknown subcommand '{}'; known are {}{}", word, fmt::join(known, ", "),
                         near.empty() ? "" : fmt::format("; did you mean {}?", near));
    }
    at = at->get_subcommand(word);
  }
  return "";
}

int parse(CLI::App& app, int argc, char** argv) {
  const std::string unknown = unknown_subcommand(app, {argv + 1, argv + argc});
  if (!unknown.empty()) {
    fmt::print(stderr, "kantor: {}\nRun `kantor --help` for what they do.\n", unknown);
    return exit_usage;
  }
  try {
    app.parse(argc, argv);
    return exit_ok;
  } catch (const CLI::Success& help) {  // --help, --version
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    std::vector<std::string> words = app.remaining(true);
    if (words.empty()) words.assign(argv + 1, argv + argc);
    fmt::print(stderr, "kantor: {}{}\nRun `kantor {} --help` for its options.\n", error.what(),
               error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError) ||
                       error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError)
                   ? suggestion(app, words)
                   : "",
               &chosen(app) == &app ? "" : chosen(app).get_name());
    return exit_usage;
  }
}

/// Runs fn, and turns what it throws into a message and an exit code.
template <class F>
int guarded(const F& fn) {
  const auto report = [](const char* what, int code) {
    fmt::print(stderr, "kantor: {}\n", what);
    return code;
  };
  try {
    return fn();
  } catch (const ConfigError& error) {
    return report(error.what(), exit_usage);
  } catch (const FileError& error) {
    return report(error.what(), exit_data);
  } catch (const std::filesystem::filesystem_error& error) {
    return report(error.what(), exit_data);
  } catch (const DeviceError& error) {
    return report(error.what(), exit_device);
  } catch (const NonFiniteError& error) {
    return report(error.what(), exit_diverged);
  } catch (const std::bad_alloc&) {
    return report("out of memory on the host; use a smaller batch or network", exit_failure);
  } catch (const std::exception& error) {
    return report(error.what(), exit_failure);
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Kantor trains Wasserstein GANs under weight clipping or a gradient penalty, and looks inside them."};
  app.footer(examples + exit_codes());
  app.set_version_flag("--version", "kantor " + build_info().version);
  app.require_subcommand(1);
  int exit_code = exit_ok;
#define KANTOR_ADD(name) add_##name(app, exit_code);
  KANTOR_COMMANDS(KANTOR_ADD)
#undef KANTOR_ADD
  return guarded([&] {
    const int parsed = parse(app, argc, argv);
    return parsed == exit_ok ? exit_code : parsed;
  });
}
