// The manual page, against what the program itself says of its options.
#include "tests/paths.h"
#include "tests/program.h"
#include "tools/commands.h"

#include <cstdlib>
#include <fmt/format.h>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

using namespace kantor;

namespace {

/// The page as text: roff's escapes and macros of options undone.
std::string page_text() {
  std::string page = run_kantor({"man"}).out;
  page = std::regex_replace(page, std::regex(R"(\\f[BP]|\\&|\\%)"), "");
  page = std::regex_replace(page, std::regex(R"(\\-)"), "-");
  return std::regex_replace(page, std::regex("Fl Fl "), "--");
}

/// The names in the first column of a part of the help, such as "Subcommands:".
std::vector<std::string> names_in(const std::string& help, const std::string& part) {
  std::vector<std::string> names;
  const size_t start = help.find("\n" + part);
  if (start == std::string::npos) return names;
  std::istringstream lines(help.substr(start + 1));
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line) && line.starts_with("  ")) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    if (line[2] != ' ') names.push_back(name.substr(name.rfind(',') + 1));  // "-h,--help"
  }
  return names;
}

/// The part of the page on one subcommand.
std::string section(const std::string& page, const std::string& command) {
  const size_t start = page.find(".Ss kantor " + command + "\n");
  REQUIRE(start != std::string::npos);
  return page.substr(start, page.find("\n.S", start + 3) - start);
}

void check_command(const std::string& page, const std::string& command) {
  std::vector<std::string> words;
  std::istringstream all(command);
  for (std::string word; all >> word;) words.push_back(word);
  words.emplace_back("--help");
  const std::string help = run_kantor(words).out;
  const std::vector<std::string> below = names_in(help, "Subcommands:");
  for (const std::string& name : below) check_command(page, fmt::format("{} {}", command, name));
  if (!below.empty()) return;
  INFO(command);
  const std::string part = section(page, command);
  for (const std::string& name : names_in(help, "Options:")) {
    INFO(name);
    if (name != "--help") CHECK_THAT(part, Contains("\n.It " + name + "\n") || Contains("\n.It " + name + " "));
  }
  for (const std::string& name : names_in(help, "Positionals:")) CHECK_THAT(part, Contains("\n.It Ar " + name + "\n"));
}

}  // namespace

TEST_CASE("man: every subcommand, option and argument of the program is on the page") {
  const std::string page = page_text();
  const std::vector<std::string> commands = names_in(run_kantor({"--help"}).out, "Subcommands:");
  CHECK(commands.size() >= 12);
  for (const std::string& command : commands) check_command(page, command);
  CHECK_THAT(section(page, "train"), Contains(".It --preset Ar NAME\n"));
  CHECK_THAT(section(page, "study"), !Contains("--tiny"));  // hidden
  CHECK_THAT(page, Contains("\n.Cm sample\n.Ar checkpoint\n.--out Ar FILE\n.Op Ar option ...\n"));
}

TEST_CASE("man: the exit codes are those of the help, each with its meaning") {
  const std::string page = page_text(), help = run_kantor({"--help"}).out;
  const std::string codes = page.substr(page.find(".Sh EXIT STATUS"));
  for (const ExitText& exit : exit_texts) {
    CHECK_THAT(codes, Contains(fmt::format(".It {}\n{}\n", static_cast<int>(exit.code), exit.text)));
    CHECK_THAT(help, Contains(fmt::format("{} {}", static_cast<int>(exit.code), exit.text)));
  }
}

TEST_CASE("man: the page is roff: sections in order, no line that a macro or an escape would garble") {
  const std::string page = run_kantor({"man"}).out;
  size_t at = 0;
  for (const char* name :
       {"NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES", "SEE ALSO"}) {
    INFO(name);
    const size_t found = page.find(std::string("\n.Sh ") + name + "\n", at);
    REQUIRE(found != std::string::npos);
    at = found;
  }
  const std::set<std::string> macros{".\\\"", ".Dd", ".Dt", ".Os", ".Sh", ".Ss", ".Nm", ".Nd",
                                     ".Cm",   ".Ar", ".Op", ".Fl", ".Bl", ".It", ".El", ".Bd",
                                     ".Ed",   ".Pp", ".Rs", ".Re", ".%A", ".%T", ".%D"};
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    CHECK(line[0] != '\'');
    if (line[0] == '.') CHECK(macros.contains(line.substr(0, line.find(' '))));
  }
  CHECK_THAT(page, Contains("\n\\&.npy") || Contains(" .npy"));
}

TEST_CASE("man: the files of a run are those of docs/run-folder.md") {
  const std::string page = page_text();
  std::istringstream lines(text_of(source_folder() / "docs/run-folder.md"));
  int count = 0;
  for (std::string line; std::getline(lines, line) && !line.starts_with("## ");) {
    if (!line.starts_with("| `")) continue;
    const std::string name = line.substr(3, line.find_first_of("`<", 3) - 3);  // "checkpoints/step-<N>.safetensors"
    INFO(line);
    CHECK_THAT(page, Contains("\n.It Pa " + name));
    ++count;
  }
  CHECK(count >= 8);
}

TEST_CASE("man: SOURCE_DATE_EPOCH is the date, so that a commit has one page") {
  setenv("SOURCE_DATE_EPOCH", "86400", 1);
  const std::string page = run_kantor({"man"}).out;
  unsetenv("SOURCE_DATE_EPOCH");
  CHECK_THAT(page, Contains("\n.Dd January 2, 1970\n"));
}
