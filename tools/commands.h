// The subcommands of `kantor`: one file each. Every function adds its subcommand, whose callback sets the exit code.
#pragma once

#include <CLI/CLI.hpp>

namespace kantor {

/// Exit codes, as `kantor --help` documents them.
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

/// Every subcommand, in the order of the help. A new one is a file with `add_NAME`, its name here, and its part of
/// docs/program.md.
#define KANTOR_COMMANDS(X) \
  X(train) X(compare) X(study) X(sample) X(inspect) X(gradients) X(data) X(report) X(lab) X(bench) X(doctor) X(completion)

#define KANTOR_DECLARE(name) void add_##name(CLI::App& app, int& exit_code);
KANTOR_COMMANDS(KANTOR_DECLARE)
#undef KANTOR_DECLARE

}  // namespace kantor
