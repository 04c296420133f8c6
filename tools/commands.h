// The subcommands of `kantor`: one file each. Every function adds its subcommand, whose callback sets the exit code.
#pragma once

#include <CLI/CLI.hpp>

namespace kantor {

/// Exit codes. `exit_texts` says what each means.
enum ExitCode : int {
  exit_ok = 0,
  exit_failure = 1,
  exit_usage = 2,
  exit_data = 3,
  exit_device = 4,
  exit_diverged = 5,
  exit_interrupted = 130,
  exit_terminated = 143,
};

/// Exit codes with their meaning: the table of `kantor --help` and of the manual page.
struct ExitText {
  ExitCode code;
  const char* text;
};
inline constexpr ExitText exit_texts[]{
    {exit_ok, "ok"},
    {exit_failure, "failure"},
    {exit_usage, "usage or configuration"},
    {exit_data, "data missing or bad"},
    {exit_device, "device unavailable"},
    {exit_diverged, "diverged"},
    {exit_interrupted, "interrupted with a checkpoint saved"},
    {exit_terminated, "terminated with a checkpoint saved"},
};

/// Every subcommand, in the order of the help. A new one is a file with `add_NAME`, its name here, and its part of
/// docs/program.md.
#define KANTOR_COMMANDS(X) \
  X(train)                 \
  X(compare) X(study) X(sample) X(inspect) X(gradients) X(data) X(report) X(lab) X(bench) X(doctor) X(completion) X(man)

#define KANTOR_DECLARE(name) void add_##name(CLI::App& app, int& exit_code);
KANTOR_COMMANDS(KANTOR_DECLARE)
#undef KANTOR_DECLARE

}  // namespace kantor
