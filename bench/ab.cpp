#include "bench/ab.h"

#include "bench/harness.h"
#include "bench/intervals.h"
#include "bench/load.h"
#include "bench/result_file.h"
#include "bench/serve.h"
#include "bench/served_program.h"
#include "models/files/file_error.h"
#include "models/training/config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>
#include <random>
#include <set>
#include <utility>

namespace kantor {
namespace {

using nlohmann::json;

/// A row that both programs have, and what was measured of it.
struct Row {
  std::string key;
  json naming;
  int64_t replays = 1, blocks = 1;  // of a round, of a start
  std::vector<double> a, b;         // seconds of every round
  std::vector<double> ratios;       // of b to a, one of each start
};

/// Both programs, started; A is the first.
class Pair {
 public:
  Pair(const AbOptions& options, int processor, bool swapped) : timeout_(options.timeout) {
    for (const int which : swapped ? std::array{1, 0} : std::array{0, 1}) {
      std::vector<std::string> argv{which == 0 ? options.a : options.b, "bench", "serve", options.suite};
      argv.insert(argv.end(), options.words.begin(), options.words.end());
      programs_[static_cast<size_t>(which)] = std::make_unique<ServedProgram>(argv, processor);
    }
  }

  /// Asks both at once, as nothing is timed meanwhile.
  std::array<json, 2> ask_both(const json& question) {
    for (const auto& program : programs_) program->send(question);
    json first = programs_[0]->receive(timeout_), second = programs_[1]->receive(timeout_);
    return {std::move(first), std::move(second)};
  }

  /// One program's time of a row, in seconds per replay. A fifth more replays warm up: the other had the caches.
  double seconds(size_t which, const std::string& row, int64_t replays, double expected) {
    const int64_t warm = replays == 0 ? 0 : std::max<int64_t>(1, replays / 5);
    const json question{{"row", row}, {"replays", replays}, {"warm", warm}};
    const json answer = programs_[which]->ask(question, timeout_ + 10 * expected);
    const json value = answer.value("seconds", json());
    if (!value.is_number() || !std::isfinite(value.get<double>()) || value.get<double>() <= 0) {
      throw FileError(fmt::format("program {} answered {} to a round of '{}'; expected a time above 0 in 'seconds'",
                                  which == 0 ? "A" : "B", answer.dump(), row));
    }
    return value;
  }

 private:
  double timeout_;
  std::array<std::unique_ptr<ServedProgram>, 2> programs_;
};

std::array<json, 2> contexts(Pair& pair, const AbOptions& options) {
  const std::array<json, 2> found = pair.ask_both({{"context", true}});
  for (size_t i = 0; i < 2; ++i) {
    const json schema = found[i].value("schema", json()), version = found[i].value("version", json());
    if (schema == serve_schema && version == serve_version) continue;
    throw FileError(fmt::format(
        "{} is no kantor that can be timed: it said schema {}, version {}; expected \"{}\", {}: take a program of this "
        "version or a later one",
        i == 0 ? options.a : options.b, schema.dump(), version.dump(), serve_schema, serve_version));
  }
  return found;
}

void check_contexts(const std::array<json, 2>& found, const std::vector<std::string>& different, bool allowed) {
  for (const json& context : found) {
    if (context.value("simulated", false)) {
      throw ConfigError("times of the simulator say nothing about a device: take cpu or cuda");
    }
  }
  if (!different.empty() && !allowed) {
    throw ConfigError(
        fmt::format("the programs differ in more than their version ({}): build both alike, or compare them all the "
                    "same with --different",
                    fmt::join(different, "; ")));
  }
}

/// The keys of a program's rows that the filter takes, in its order.
std::vector<std::pair<std::string, json>> keys_of(const json& answer, const std::string& filter) {
  const auto rows = answer.find("rows");
  if (rows == answer.end() || !rows->is_array()) {
    throw FileError(fmt::format("a program answered {}; expected a list of rows", answer.dump().substr(0, 80)));
  }
  std::vector<std::pair<std::string, json>> found;
  for (const json& row : *rows) {
    const bool named = row.is_object() && row.value("name", json()).is_string();
    if (!named) throw FileError(fmt::format("a program named a row {}; expected an object with a name", row.dump()));
    std::string key = row_key(row);
    if (key.find(filter) != std::string::npos) found.emplace_back(std::move(key), row);
  }
  return found;
}

/// Rows of both; the keys of the others go into result["only_a"] and ["only_b"].
std::vector<Row> shared_rows(Pair& pair, const AbOptions& options, json& result) {
  const std::array<json, 2> answers = pair.ask_both({{"rows", true}});
  const auto a = keys_of(answers[0], options.filter), b = keys_of(answers[1], options.filter);
  std::set<std::string> in_a, in_b;
  for (const auto& [key, row] : a) in_a.insert(key);
  for (const auto& [key, row] : b) in_b.insert(key);
  std::vector<Row> rows;
  for (const auto& [key, naming] : a) {
    if (in_b.contains(key)) {
      Row row;
      row.key = key;
      row.naming = naming;
      rows.push_back(std::move(row));
    } else {
      result["only_a"].push_back(key);
    }
  }
  for (const std::string& key : in_b) {
    if (!in_a.contains(key)) result["only_b"].push_back(key);
  }
  if (rows.empty()) {
    throw ConfigError(fmt::format("the programs share no row of '{}'{}", options.suite,
                                  options.filter.empty() ? "" : " that contains '" + options.filter + "'"));
  }
  return rows;
}

/// Fixes the replays of a round and the blocks of a start, from the faster of two runs.
void plan(Row& row, Pair& pair, const AbOptions& options) {
  double once = 1e9;
  for (const size_t which : {0, 1, 0, 1}) once = std::min(once, pair.seconds(which, row.key, 0, 0));
  row.replays = std::max<int64_t>(1, std::llround(options.round / once));
  const double block = 4 * 1.2 * once * static_cast<double>(row.replays);
  row.blocks = std::max<int64_t>(1, std::llround(options.seconds / options.starts / block));
}

/// One start's blocks of a row, and their ratio.
void time_row(Row& row, Pair& pair, std::mt19937_64& random, const AbOptions& options) {
  std::vector<double> ratios;
  const double expected = 1.2 * options.round;
  for (const size_t which : {0, 1}) (void)pair.seconds(which, row.key, 0, expected);  // makes it ready
  for (int64_t block = 0; block < row.blocks; ++block) {
    const size_t first = random() % 2;
    std::array<double, 2> best{1e9, 1e9};
    for (const size_t which : {first, 1 - first, 1 - first, first}) {
      const double seconds = pair.seconds(which, row.key, row.replays, expected);
      best[which] = std::min(best[which], seconds);
      (which == 0 ? row.a : row.b).push_back(seconds);
    }
    ratios.push_back(best[1] / best[0]);
  }
  row.ratios.push_back(quantile(std::move(ratios), 0.5));
}

json judged(const Row& row, const AbOptions& options) {
  json result;
  for (const char* key : {"name", "size", "dtype", "constraint", "by", "threads"}) {
    if (row.naming.contains(key)) result[key] = row.naming[key];
  }
  const Ratio ratio = ratio_of_ratios(row.ratios, options.level).value();
  result.update({{"a", quantile(row.a, 0.5)},
                 {"b", quantile(row.b, 0.5)},
                 {"ratio", ratio.value},
                 {"low", ratio.low},
                 {"high", ratio.high},
                 {"verdict", to_string(change_of(ratio, options.least))},
                 {"replays", row.replays},
                 {"blocks", row.blocks},
                 {"ratios", row.ratios}});
  return result;
}

json described(const AbOptions& options) {
  json result{{"schema", "kantor-bench-ab"},
              {"version", 1},
              {"programs", {options.a, options.b}},
              {"suite", options.suite},
              {"seed", options.seed},
              {"starts", options.starts},
              {"least", options.least},
              {"level", options.level},
              {"warnings", json::array()},
              {"rows", json::array()},
              {"only_a", json::array()},
              {"only_b", json::array()}};
  for (const char* verdict : {"same", "faster", "slower", "unclear"}) result[verdict] = 0;
  return result;
}

}  // namespace

json bench_ab(const AbOptions& options) {
  if (options.starts < fewest_ratios(options.level)) {
    throw ConfigError(fmt::format("{} starts are too few for an interval of {:.3g} %: take {} or more", options.starts,
                                  100 * options.level, fewest_ratios(options.level)));
  }
  std::mt19937_64 random(options.seed);
  json result = described(options);
  std::vector<Row> rows;
  std::vector<int> processors;  // one for each start in turn; none: wherever the system puts them
  {
    Pair pair(options, -1, false);
    const std::array<json, 2> found = contexts(pair, options);
    const std::vector<std::string> different = differences(found[0], found[1]);
    check_contexts(found, different, options.different);
    result.update({{"contexts", {found[0], found[1]}}, {"differences", different}});
    if (found[0].value("threads", 0) == 1 && found[1].value("threads", 0) == 1) processors = own_processors();
    rows = shared_rows(pair, options, result);
    for (Row& row : rows) {
      if (row.naming.contains("threads") && row.naming["threads"] != 1) processors.clear();
      plan(row, pair, options);
    }
  }
  const LoadWatch watch;
  for (int start = 0; start < options.starts; ++start) {
    const int processor = processors.empty() ? -1 : processors[static_cast<size_t>(start) % processors.size()];
    Pair pair(options, processor, random() % 2 == 1);
    std::vector<Row*> order;
    for (Row& row : rows) order.push_back(&row);
    std::shuffle(order.begin(), order.end(), random);
    for (Row* row : order) {
      if (options.on_row) options.on_row(start, options.starts, row->key);
      time_row(*row, pair, random, options);
    }
  }
  const OtherLoad load = watch.since();
  result["load"] = {{"steal", load.steal}};  // its "others" would count the two programs
  for (const Row& row : rows) {
    result["rows"].push_back(judged(row, options));
    const std::string verdict = result["rows"].back()["verdict"];
    result[verdict] = result[verdict].get<int>() + 1;
  }
  if (load.steal > 0.02) {
    result["warnings"].push_back(
        fmt::format("other virtual machines took {:.0f} % of this one's processors' time", 100 * load.steal));
  }
  return result;
}

}  // namespace kantor
