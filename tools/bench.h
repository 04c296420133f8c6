// The parts of `kantor bench`, a file each, and what they share. Only a build with Google Benchmark has them.
#pragma once

#include "bench/run_suite.h"
#include "tools/commands.h"

#include <memory>
#include <string>

namespace kantor {

/// Each adds a subcommand, or several, to `bench`; the callback sets the exit code.
void add_bench_suites(CLI::App& bench, int& exit_code);    // the table of bench/suite.h
void add_bench_steps(CLI::App& bench, int& exit_code);     // bench/steps.h
void add_bench_products(CLI::App& bench, int& exit_code);  // bench/products.h

/// The options of every subcommand that gives rows of time.
struct BenchArguments {
  std::string device = "auto", json, csv, filter;
  int threads = 0, repetitions = 0;
  double min_time = 0.02, budget = 0;
  bool quick = false, cold = false, warm = false;
};
void add_bench_options(CLI::App& command, BenchArguments& arguments);

/// Sets the threads, chooses the device, and gives the options with progress on standard error: the row that is timed,
/// and how long the rest will take. `quiet`: no word about the device.
BenchOptions bench_options(const BenchArguments& arguments, bool quiet = false);

/// Runs the suite, prints its table and writes the files that were asked for. exit_failure if a row failed, else
/// exit_ok.
int run_bench(SuiteRun run, const BenchOptions& options, const BenchArguments& arguments);
/// The same of a result that is there.
int finish_bench(const nlohmann::json& result, const BenchArguments& arguments);

}  // namespace kantor
