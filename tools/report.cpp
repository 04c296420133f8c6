// kantor report: the page and the table that train and compare end with, for any run folders.
#include "models/files/file_error.h"
#include "models/training/run_folder.h"
#include "tools/commands.h"
#include "tools/report_page.h"
#include "tools/summary.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <vector>

namespace kantor {
namespace {

namespace fs = std::filesystem;

struct ReportArguments {
  std::vector<std::string> folders;
  std::string out = "report.html";
};

int run(const ReportArguments& arguments) {
  std::vector<fs::path> runs;
  for (const std::string& folder : arguments.folders) {
    for (const fs::path& path : runs_in(folder)) runs.push_back(path);
  }
  const RunTable table = read_table(runs);
  const std::vector<Cell> cells = cells_of(table);
  write_report(table, cells, arguments.out);
  print_summary(table, cells);
  fmt::print("report: {}\n", fs::absolute(arguments.out).string());
  return exit_ok;
}

}  // namespace

void add_report(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("report", "one HTML page and a table over run folders, or folders of runs");
  const auto arguments = std::make_shared<ReportArguments>();
  command->add_option("folders", arguments->folders, "run folders, or folders that hold some")->required();
  command->add_option("--out", arguments->out, "the page to write")->type_name("FILE")->capture_default_str();
  command->footer("Example: kantor report runs/a runs/b --out report.html");
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace kantor
