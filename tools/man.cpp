// kantor man: the manual page in mdoc, made from the program's own options, so that it cannot differ from them.
#include "engine/build_info.h"
#include "tools/command_line.h"
#include "tools/commands.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <string>
#include <vector>

namespace kantor {
namespace {

/// Text or an argument of a macro, with what roff would read as its own escaped; `code` becomes bold. Every '-' is
/// escaped: a plain one may be shown as a typographic hyphen, which nobody can paste into a shell.
std::string escaped(const std::string& text) {
  static const std::map<char, std::string> special{{'\\', "\\e"},  {'-', "\\-"},   {'^', "\\(ha"},
                                                   {'~', "\\(ti"}, {'"', "\\(dq"}, {'\'', "\\(aq"}};
  std::string result;
  bool bold = false;
  for (const char c : text) {
    if (c == '`') {
      bold = !bold;
      result += bold ? "\\fB" : "\\fP";
    } else if (const auto found = special.find(c); found != special.end()) {
      result += found->second;
    } else {
      result += c;
    }
  }
  return result;
}

/// Lines of running text, none long; each sentence begins one, which tells roff to space them.
std::string prose(const std::string& text) {
  constexpr size_t width = 78;
  std::string result, line;
  bool code = false;  // inside of `code`
  const std::string all = escaped(text) + " ";
  const auto end_line = [&] {
    if (line.empty()) return;
    const bool control = line[0] == '.';  // a control line to roff
    result += (control ? "\\&" : "") + line + "\n";
    line.clear();
  };
  for (size_t at = 0; at < all.size();) {
    const size_t space = all.find_first_of(" \n", at);
    const std::string word = all.substr(at, space - at);
    at = space + 1;
    if (word.empty()) continue;
    if (line.size() + word.size() + 1 > width) end_line();
    if (!line.empty()) line += ' ';
    const bool bold = code || word.find("\\fB") != std::string::npos;
    if (bold || word.find("\\-") != std::string::npos) line += "\\%";  // code and names get no hyphens of roff's
    if (bold) code = word.find("\\fP") == std::string::npos;
    line += word;
    const bool capital = at < all.size() && std::isupper(static_cast<unsigned char>(all[at])) != 0;
    if (word.back() == '.' && capital) end_line();
  }
  end_line();
  return result;
}

/// "--out" and "FILE" as the arguments of a macro: "Fl Fl out Ar FILE".
std::string flag(const std::string& name, const std::string& value) {
  const std::string dashes = name.starts_with("--") ? "Fl Fl " : "Fl ";
  return dashes + escaped(name.substr(name.find_first_not_of('-'))) + (value.empty() ? "" : " Ar " + escaped(value));
}

std::string item(const OptionText& option) {
  std::string text;
  for (const std::string& name : option.names) {
    text += text.empty() ? ".It " : " , ";
    text += name[0] == '-' ? flag(name, option.value) : "Ar " + escaped(name);
  }
  std::string told = option.text;
  bool named = true;  // whether the text names all values itself
  for (const std::string& value : option.values) named = named && told.find(value) != std::string::npos;
  if (!named) told += fmt::format("; one of {}", fmt::join(option.values, ", "));
  if (option.required && option.names.front()[0] == '-') told += "; required";
  return text + "\n" + prose(told);
}

std::string list(const std::vector<OptionText>& options) {
  std::string items;
  for (const OptionText& option : options) {
    if (option.names.back() != "--help") items += item(option);  // which every subcommand has
  }
  return items.empty() ? "" : ".Bl -tag -width Ds\n" + items + ".El\n";
}

/// A command line of SYNOPSIS: what is required by name, the rest as options.
std::string usage(const CommandText& command) {
  std::string text = fmt::format(".Nm\n.Cm {}\n", escaped(command.name));
  for (const OptionText& argument : command.arguments) {
    const std::string name = "Ar " + escaped(argument.names.front());
    text += (argument.required ? "." : ".Op ") + name + (argument.several ? " ..." : "") + "\n";
  }
  bool more = false;
  for (const OptionText& option : command.options) {
    if (option.required) text += "." + flag(option.names.back(), option.value) + "\n";
    more = more || (!option.required && option.names.back() != "--help");
  }
  return text + (more ? ".Op Ar option ...\n" : "");
}

/// The subcommands that are run: a command that has some of its own is only their name.
std::vector<CommandText> runnable(const CommandText& command) {
  std::vector<CommandText> all;
  for (const CommandText& sub : command.subcommands) {
    const std::vector<CommandText> below = runnable(sub);
    if (below.empty()) all.push_back(sub);
    all.insert(all.end(), below.begin(), below.end());
  }
  return all;
}

/// A tagged list of fixed entries: the macro of each tag, then its text.
std::string table(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::string text = ".Bl -tag -width Ds\n";
  for (const auto& [tag, told] : rows) text += ".It " + tag + "\n" + prose(told);
  return text + ".El\n";
}

std::string files() {
  return prose("`kantor train` writes one run into a folder:") +
         table(
             {{"Pa config.toml", "the whole configuration; `kantor train --config config.toml` repeats the run"},
              {"Pa env.json", "program version, commit, device, threads and libraries"},
              {"Pa metrics.jsonl", "one JSON object per line, written as the run goes on"},
              {"Pa metrics.csv", "its numbers as a table, written at the end"},
              {"Pa events.out.tfevents.*", "the same numbers and the pictures for TensorBoard"},
              {"Pa checkpoints/step\\-N.safetensors", "weights and everything that a resume needs; PyTorch loads them"},
              {"Pa samples/step\\-N.png", "samples of the generator"},
              {"Pa report.html", "the report, in one file that needs no network"},
              {"Pa lock", "locked while a run writes into the folder"}}) +
         ".Pp\n" +
         prose("`kantor compare` writes one such folder per run, with its output in `log.txt`, and beside them:") +
         table({{"Pa report.html", "the report over all runs"},
                {"Pa runs.csv", "a line per run"},
                {"Pa runs.json", "the same, with medians and intervals over the seeds"}}) +
         ".Pp\n" + prose("Data sets of the distribution are looked for in:") +
         table({{"Pa /usr/share/datasets/fashion\\-mnist", "Fashion-MNIST (Debian's package dataset-fashion-mnist)"},
                {"Pa /usr/share/icons/silk/16x16", "the Silk icons (Debian's package famfamfam-silk)"}});
}

std::string environment() {
  return table(
      {{"Ev OMP_NUM_THREADS", "the number of CPU threads where `--threads` does not say it"},
       {"Ev CUDA_VISIBLE_DEVICES", "the GPUs that CUDA shows to the program"},
       {"Ev SLURM_ARRAY_TASK_ID", "with _MIN, _STEP and _COUNT: the part of the runs that `compare` and `study` do"},
       {"Ev OMPI_COMM_WORLD_RANK", "with OMPI_COMM_WORLD_SIZE: the same under MPI; so are PMI_RANK and SLURM_PROCID"},
       {"Ev KANTOR_SYNC", "1: every launch on a GPU waits for its kernel, so that an error names it; for finding bugs"},
       {"Ev SOURCE_DATE_EPOCH", "the date of this page, in seconds since 1970 (default: the day it was made)"}});
}

/// A command in lines that fit into a page, which a shell reads as one.
std::string command_lines(const std::string& command) {
  constexpr size_t width = 70;
  std::string text, line;
  for (size_t at = 0, end = 0; at < command.size(); at = end) {
    end = std::min(command.find(" --", at + 1), command.size());  // an option stays with its value
    if (line.size() + end - at > width) {
      text += line + " \\\n";
      line = "   ";
    }
    line += command.substr(at, end - at);
  }
  return text + line + "\n";
}

std::string examples(const CommandText& app) {
  std::vector<std::string> lines = app.examples;
  for (const CommandText& command : runnable(app)) {
    for (const std::string& line : command.examples) {
      if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
    }
  }
  std::string text = ".Bd -literal\n";
  for (const std::string& line : lines) text += escaped(command_lines(line));
  return text + ".Ed\n";
}

std::string paper(const std::vector<std::string>& authors, const std::string& title, const std::string& year) {
  std::string text = ".Rs\n";
  for (const std::string& author : authors) text += ".%A " + author + "\n";
  return text + ".%T " + title + "\n.%D " + year + "\n.Re\n";
}

std::string date() {
  const char* given = std::getenv("SOURCE_DATE_EPOCH");  // makes builds of one commit alike
  const std::time_t time = given != nullptr ? std::strtoll(given, nullptr, 10) : std::time(nullptr);
  const std::tm day = fmt::gmtime(time);
  return fmt::format("{:%B} {}, {:%Y}", day, day.tm_mday, day);
}

std::string capitalized(std::string text) {
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

std::string page(const CommandText& app) {
  std::string text = ".\\\" Made by `kantor man` from the program's own options.\n.Dd " + date() +
                     "\n.Dt KANTOR 1\n.Os Kantor " + build_info().version +
                     "\n.Sh NAME\n.Nm kantor\n"
                     ".Nd train Wasserstein GANs under weight clipping or a gradient penalty\n.Sh SYNOPSIS\n";
  const std::vector<CommandText> commands = runnable(app);
  for (const CommandText& command : commands) text += usage(command);
  text += ".Sh DESCRIPTION\n" + prose(app.text) +
          prose(
              "Each subcommand does one thing; `kantor SUBCOMMAND --help` shows the same options as this page. Results "
              "depend on the configuration and the seed, not on the number of threads.") +
          ".Pp\n" + prose("Options of the program itself:") + ".Bl -tag -width Ds\n";
  for (const OptionText& option : app.options) text += item(option);
  text += ".El\n.Sh COMMANDS\n";
  for (const CommandText& command : commands) {
    text += fmt::format(".Ss kantor {}\n{}{}{}", escaped(command.name), prose(capitalized(command.text) + "."),
                        list(command.arguments), list(command.options));
    if (!command.notes.empty()) text += ".Pp\n" + prose(command.notes);
  }
  text += ".Sh ENVIRONMENT\n" + environment() + ".Sh FILES\n" + files() + ".Sh EXIT STATUS\n.Bl -tag -width 1234\n";
  for (const ExitText& exit : exit_texts) text += fmt::format(".It {}\n{}\n", static_cast<int>(exit.code), exit.text);
  return text + ".El\n.Sh EXAMPLES\n" + examples(app) + ".Sh SEE ALSO\n" +
         paper({"M. Arjovsky", "S. Chintala", "L. Bottou"}, "Wasserstein GAN", "2017") + ".Pp\n" +
         paper({"I. Gulrajani", "F. Ahmed", "M. Arjovsky", "V. Dumoulin", "A. Courville"},
               "Improved Training of Wasserstein GANs", "2017");
}

}  // namespace

void add_man(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("man", "print the manual page of kantor, in mdoc");
  command->footer("Example: kantor man > kantor.1 && man -l kantor.1");
  command->callback([&app, &exit_code] {
    fmt::print("{}", page(describe(app)));
    exit_code = exit_ok;
  });
}

}  // namespace kantor
