// kantor bench: microbenchmarks, a subcommand each. Needs Google Benchmark at build time.
#include "tools/commands.h"

#ifdef KANTOR_HAS_BENCH
#include "tools/bench.h"
#include "tools/bench_compare.h"
#else
#include "engine/error.h"
#endif

namespace kantor {

void add_bench(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("bench", "microbenchmarks: time, counted bytes, share of the machine's own rates");
#ifdef KANTOR_HAS_BENCH
  command->require_subcommand(1);
  add_bench_suites(*command, exit_code);
  add_bench_steps(*command, exit_code);
  add_bench_products(*command, exit_code);
  add_bench_compare(*command, exit_code);
  add_bench_ab(*command, exit_code);
  add_bench_serve(*command, exit_code);
  add_bench_report(*command, exit_code);
#else
  (void)exit_code;
  command->allow_extras();
  command->callback([] {
    throw Error("this build holds no benchmarks: install libbenchmark-dev (tools/setup test does) and build again");
  });
#endif
}

}  // namespace kantor
