// kantor lab: writes the page that shows a WGAN while it trains, and opens it.
#include "models/files/atomic_file.h"
#include "models/files/file_error.h"
#include "models/training/config_toml.h"
#include "models/training/run_folder.h"
#include "tools/commands.h"
#include "tools/lab_page.h"

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <spawn.h>
#include <string>
#include <unistd.h>
#include <vector>

namespace kantor {
namespace {

namespace fs = std::filesystem;

struct LabArguments {
  std::vector<std::string> runs;
  std::string out = "lab.html";
  bool no_open = false;
};

/// The configurations of run folders, or of the runs in a folder of `kantor compare`.
std::vector<std::string> configurations(const std::vector<std::string>& folders) {
  std::vector<std::string> texts;
  for (const std::string& folder : folders) {
    for (const fs::path& run : runs_in(folder)) texts.push_back(to_toml(load_run_config(run)));
  }
  if (texts.size() > 2) {
    throw FileError(fmt::format("{} runs given: the lab shows one or two; name the folders of two runs", texts.size()));
  }
  return texts;
}

/// Whether a desktop is there to show the page, and was asked to.
bool open_in_browser(const std::string& path) {
  if (std::getenv("DISPLAY") == nullptr && std::getenv("WAYLAND_DISPLAY") == nullptr) return false;
  const std::string program = "xdg-open";
  char* const arguments[] = {const_cast<char*>(program.c_str()), const_cast<char*>(path.c_str()), nullptr};
  pid_t child = 0;
  return posix_spawnp(&child, program.c_str(), nullptr, nullptr, arguments, environ) == 0;
}

int run(const LabArguments& arguments) {
  const std::string page = lab_page(configurations(arguments.runs));
  write_file_atomically(arguments.out, page);
  const std::string path = fs::absolute(arguments.out).lexically_normal().string();
  const bool opened = !arguments.no_open && open_in_browser(path);
  fmt::print("lab: {}{}\n", path, opened ? "" : "   (open it in a browser)");
  return exit_ok;
}

}  // namespace

void add_lab(CLI::App& app, int& exit_code) {
  auto* command =
      app.add_subcommand("lab", "one page, without a server, that trains two WGANs and shows their insides");
  const auto arguments = std::make_shared<LabArguments>();
  command->add_option("runs", arguments->runs, "run folders whose configurations it opens with, one or two");
  command->add_option("--out", arguments->out, "the page to write")->capture_default_str();
  command->add_flag("--no-open", arguments->no_open, "write it, and do not open it with xdg-open");
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace kantor
