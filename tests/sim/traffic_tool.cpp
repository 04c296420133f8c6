// kantor_traffic [--lines] [PRODUCT or part of a case's name ...]: prints the memory traffic of the project's kernels,
// counted by the simulator, as docs/kernels/index.md has it. A PRODUCT is written as for `kantor bench products`.
//
// kantor_traffic --ladder [FAMILY ...]: prints a line of JSON for each family of the ladder (or for those that are
// named), with the counts of its versions (ladder_counts.h): tools/ladder_pages reads it.
#include "kernels/ladder/ladder.h"
#include "tests/sim/ladder_counts.h"
#include "tests/sim/traffic_cases.h"

#include <cstdio>
#include <exception>
#include <fmt/format.h>
#include <string>
#include <vector>

using namespace kantor::testing;
using kantor::sim::traffic::Row;
using kantor::sim::traffic::Space;

namespace {

void print_lines(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    constexpr const char* kinds[] = {"reads", "writes", "atomics"};
    fmt::print("    {}:{} {} {}: {} accesses of warps, {} bytes, {} {}, fewest {}\n", row.file, row.line,
               row.space == Space::global ? "global"
               : row.space == Space::peer ? "peer"
                                          : "shared",
               kinds[static_cast<int>(row.kind)], row.accesses, row.bytes, row.transactions.taken,
               row.space == Space::shared ? "passes" : "sectors", row.transactions.fewest);
  }
}

void print_case(const TrafficCase& one, bool lines) {
  const auto rows = traffic_of(one);
  fmt::print("{}", table_lines(one, rows));
  if (lines) print_lines(rows);
  std::fflush(stdout);
}

void print_ladder(std::vector<std::string> names) {
  if (names.empty()) {
    for (const auto& family : kantor::ladder::families()) names.push_back(family.name);
  }
  for (const std::string& name : names) {
    fmt::print("{}\n", ladder_family(name).dump());
    std::fflush(stdout);
  }
}

}  // namespace

int main(int count, char** arguments) try {
  if (count > 1 && std::string(arguments[1]) == "--ladder") {
    print_ladder({arguments + 2, arguments + count});
    return 0;
  }
  bool lines = false, any = false;
  fmt::print("{}", table_head());
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    if (argument == "--lines") {
      lines = true;
      continue;
    }
    any = true;
    if (argument.rfind("gemm:", 0) == 0 || argument.rfind("conv:", 0) == 0) {
      for (const TrafficCase& one : product_cases(argument, argument)) print_case(one, lines);
      continue;
    }
    for (const TrafficCase& one : page_cases()) {
      if (one.name.find(argument) != std::string::npos) print_case(one, lines);
    }
  }
  if (!any) {
    for (const TrafficCase& one : page_cases()) print_case(one, lines);
  }
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "kantor_traffic: {}\n", error.what());
  return 1;
}
