// The subcommands of `kantor`: one file each. Every function adds its subcommand; the callback leaves its exit code.
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

void add_train(CLI::App& app, int& exit_code);
void add_compare(CLI::App& app, int& exit_code);
void add_study(CLI::App& app, int& exit_code);
void add_sample(CLI::App& app, int& exit_code);
void add_inspect(CLI::App& app, int& exit_code);
void add_gradients(CLI::App& app, int& exit_code);
void add_data(CLI::App& app, int& exit_code);
void add_report(CLI::App& app, int& exit_code);
void add_bench(CLI::App& app, int& exit_code);
void add_doctor(CLI::App& app, int& exit_code);

}  // namespace kantor
