// The parts of `kantor bench` that judge figures instead of measuring rows: compare, ab and what it asks programs for,
// report.
#pragma once

#include <CLI/CLI.hpp>

namespace kantor {

void add_bench_compare(CLI::App& bench, int& exit_code);
void add_bench_ab(CLI::App& bench, int& exit_code);
void add_bench_serve(CLI::App& bench, int& exit_code);
void add_bench_report(CLI::App& bench, int& exit_code);

}  // namespace kantor
