#include "bench/run_suite.h"

#include "bench/load.h"
#include "engine/error.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>

namespace kantor {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

const char* name_of(const Streams& streams) {
  if (streams.reads == 0) return "write";
  if (streams.writes == 0) return "read";
  return streams.in_place ? "update" : "copy";
}

std::string warning_of(const OtherLoad& load, const Machine& machine, const ClockWatch& clocks, int repeats) {
  std::string text;
  if (load.busy() || machine.disturbed()) {
    text = fmt::format(
        "this machine was busy: other processes took {:.0f} % of its processors' time, other virtual machines "
        "{:.0f} %, and repetitions of a copy differed by a factor of {:.1f}, of a product by {:.1f}; the machine's "
        "rates are the best of {} tries, and rows may read too long",
        100 * load.others, 100 * load.steal, machine.copy.longest().spread, machine.product.spread, repeats + 1);
  }
  const std::string clock = clocks.warning();
  return text.empty() || clock.empty() ? text + clock : text + "; " + clock;
}

}  // namespace

void add_bound(json& row, const Subject& subject, const Machine& machine, bool simulated) {
  const double bytes = static_cast<double>(subject.cost.bytes), flops = static_cast<double>(subject.cost.flops);
  const double stream = machine.bytes_per_second(subject.streams, bytes);
  const double moving = stream > 0 ? bytes / stream : 0;
  const double computing = machine.product.best > 0 ? flops / machine.product.best : 0;
  // What the simulator measures of itself says nothing: there, as many FLOPs a byte as an H100 has.
  constexpr double balance = 17;
  const bool product = simulated ? flops > balance * bytes : computing > moving;
  row["bound"] = product ? "product" : name_of(subject.streams);
  row["rate"] = product ? machine.product.best : stream;
  row["floor"] = product ? computing : moving;
  const json& timing = !product && !row["cold"].is_null() ? row["cold"] : row;
  const bool beyond_caches = !row["cold"].is_null() || bytes > 4 * static_cast<double>(last_cache());
  const double seconds = timing["seconds"], best = timing["best"], slow = timing["p90"];
  const double spread = std::max(
      {best > 0 ? slow / best : 1.0, product ? machine.product.spread : machine.spread(subject.streams, bytes), 1.0});
  row["spread"] = spread;
  const bool meaningful = !simulated && seconds > 0 && row["floor"] > 0 && (product || beyond_caches);
  row["share"] = meaningful ? json(row["floor"].get<double>() / seconds) : json();
  row["over"] = meaningful && row["share"].get<double>() > spread;
}

std::string row_failure(const json& row) {
  if (!row["passed"].get<bool>()) {
    return row["error"].is_null() ? "its result is not finite, or was not compared"
                                  : fmt::format("its result is off by {:.1e} of the scale, allowed is {:.0e}",
                                                row["error"].get<double>(), row["allowed"].get<double>());
  }
  if (row["over"].get<bool>()) {
    return fmt::format(
        "it is {:.0f} % of what this machine was measured to do, beyond the spread of {:.2f}: the bytes "
        "or operations are counted too high, or the machine's rate was disturbed",
        100 * row["share"].get<double>(), row["spread"].get<double>());
  }
  return "";
}

json run_suite(SuiteRun run, const BenchOptions& options) {
  const auto start = Clock::now();
  const bool simulated = options.device.kind == Device::Kind::sim;
  std::erase_if(run.subjects, [&](const Subject& subject) { return !selected(subject, options.filter); });
  if (run.subjects.empty()) throw Error(fmt::format("no row of {} fits the filter '{}'", run.name, options.filter));
  const LoadWatch watch;
  ClockWatch clocks(options.device);
  const double machine_seconds = options.quick ? 0.5 : options.seconds() / 20;
  Machine machine = measure_machine(options.device, machine_seconds);
  clocks.sample();
  BenchOptions inner = options;
  inner.budget = std::max(0.0, 0.75 * options.seconds() - seconds_since(start));
  inner.after_row = [&] { clocks.sample(); };
  const std::vector<Measurement> measured = measure(run.subjects, inner);

  json rows = json::array();
  const auto bound = [&] {
    rows = json::array();
    for (size_t i = 0; i < measured.size(); ++i) {
      rows.push_back(row_of(run.subjects[i], measured[i]));
      add_bound(rows.back(), run.subjects[i], machine, simulated);
    }
    return std::any_of(rows.begin(), rows.end(), [](const json& row) { return row["over"].get<bool>(); });
  };
  // The rates are taken again at the end, since a row may have met a quieter moment; and once or twice more if the
  // machine does other work, or a row still reads as more than it can do.
  int repeats = 0;
  constexpr int most = 3;
  bool over = bound();
  while (!simulated && repeats < most && (repeats == 0 || over || (machine.disturbed() && !options.quick))) {
    machine.merge(measure_machine(options.device, machine_seconds / 2));
    ++repeats;
    over = bound();
    if (seconds_since(start) > options.seconds()) break;
  }
  if (run.finish) run.finish(rows);

  json result{{"schema", "kantor-bench"}, {"version", 1}, {"suite", run.name}};
  result.update(bench_context(options.device));
  result.update(run.extra);
  result["time"] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  result["machine"] = to_json(machine);
  const OtherLoad load = watch.since();
  result["load"] = {
      {"others", load.others},         {"steal", load.steal},
      {"machine_repeats", repeats},    {"clocks", clocks.clocks()},
      {"throttle", clocks.throttle()}, {"warning", simulated ? "" : warning_of(load, machine, clocks, repeats)}};
  result["rows"] = std::move(rows);
  return result;
}

}  // namespace kantor
