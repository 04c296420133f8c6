// kantor bench SUITE, for each suite of bench/suite.h.
#ifdef KANTOR_HAS_BENCH
#include "bench/suite.h"
#include "tools/bench.h"

#include <fmt/format.h>

namespace kantor {

void add_bench_suites(CLI::App& bench, int& exit_code) {
  for (const Suite& suite : suites()) {
    auto* command = bench.add_subcommand(suite.name, suite.text);
    const auto arguments = std::make_shared<BenchArguments>();
    add_bench_options(*command, *arguments);
    command->footer(fmt::format("Example: kantor bench {} --device cpu --json a.json", suite.name));
    command->callback([arguments, &suite, &exit_code] {
      const BenchOptions options = bench_options(*arguments);
      exit_code = run_bench({suite.name, suite.subjects(options), suite.finish}, options, *arguments);
    });
  }
}

}  // namespace kantor
#endif
