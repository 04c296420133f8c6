// Ensembles: lists of seeds, sweeps and their product, shards, jobs that are dealt to devices, the table over all runs.
#include "models/ensemble/metrics_watch.h"
#include "models/ensemble/numbers.h"
#include "models/ensemble/shard.h"
#include "models/ensemble/side_by_side.h"
#include "models/ensemble/sweep.h"
#include "models/ensemble/table.h"
#include "models/files/folder_lock.h"
#include "models/training/config_toml.h"
#include "tests/program.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <fstream>
#include <limits>
#include <map>
#include <set>
#include <unistd.h>

using namespace kantor;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

using Words = std::vector<std::string>;

Shard in_environment(const std::map<std::string, std::string>& variables) {
  return shard_of_environment([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

std::pair<int64_t, int64_t> part(const Shard& shard) {
  return {shard.index, shard.count};
}

/// A run folder with a configuration and a last line.
fs::path planted_run(const ProgramFolder& folder, const std::string& name, RunConfig config, const json& line) {
  const fs::path run = folder.path / name;
  fs::create_directories(run);
  std::ofstream(run / "config.toml") << to_toml(config);
  if (!line.is_null()) std::ofstream(run / "metrics.jsonl") << line.dump() << "\n";
  return run;
}

}  // namespace

TEST_CASE("ensemble: seeds are numbers, lists and ranges; what is none is refused by its part") {
  const auto all = [](const std::string& text) { return Numbers::parse(text, "--seed").all(); };
  CHECK(all("7") == std::vector<int64_t>{7});
  CHECK(all("1..5") == std::vector<int64_t>{1, 2, 3, 4, 5});
  CHECK(all("3..3,1,9..10") == std::vector<int64_t>{3, 1, 9, 10});
  CHECK(all("9223372036854775807..9223372036854775807") == std::vector<int64_t>{INT64_MAX});
  CHECK(Numbers::parse("0..9223372036854775807", "--seed").count() == INT64_MAX);
  CHECK(Numbers::parse("1..1000000000000", "--seed").count() == 1'000'000'000'000);
  for (const auto& [text, found] : std::map<std::string, std::string>{{"", "''"},
                                                                      {"1,,2", "''"},
                                                                      {"1,", "''"},
                                                                      {"-1", "'-1'"},
                                                                      {"1..", "'1..'"},
                                                                      {"..3", "'..3'"},
                                                                      {"1...3", "'1...3'"},
                                                                      {"1-3", "'1-3'"},
                                                                      {"1.5", "'1.5'"},
                                                                      {"2, 3", "' 3'"},
                                                                      {"9223372036854775808", "'9223372036854775808'"},
                                                                      {"5..2", "'5..2' goes down; expected 2..5"}}) {
    INFO(text);
    CHECK_THROWS_AS(Numbers::parse(text, "--seed"), ConfigError);
    CHECK_THROWS_WITH(Numbers::parse(text, "--seed"), Contains("--seed " + text) && Contains(found));
  }
}

TEST_CASE("ensemble: sweeps take any key of the configuration, and refuse by key and value") {
  const Sweep lambda = parse_sweep("critic.lambda=0.1,1,10");
  CHECK(lambda.key == "critic.lambda");
  CHECK(lambda.values == Words{"0.1", "1", "10"});
  CHECK(parse_sweep("critic.depth=1..3,8").values == Words{"1", "2", "3", "8"});
  CHECK(parse_sweep("critic.activation=relu,tanh").values == Words{"relu", "tanh"});
  CHECK(parse_sweep("clip.biases=true,false").values == Words{"true", "false"});
  CHECK(parse_sweep("data.path=\"a,b\",c").values == Words{"\"a,b\"", "c"});
  for (const auto& [text, expected] :
       std::map<std::string, std::string>{{"critic.lambda", "KEY=VALUE,VALUE"},
                                          {"=1", "KEY=VALUE,VALUE"},
                                          {"critic.lambda=", "an empty value"},
                                          {"critic.lambda=1,,2", "an empty value"},
                                          {"critic.lamda=1", "did you mean critic.lambda?"},
                                          {"critic.lambda=1,x", "critic.lambda = x"},
                                          {"critic.lambda=nan", "critic.lambda = nan"},
                                          {"train.batch=0,8", "train.batch = 0"},
                                          {"train.batch=4..1", "goes down"},
                                          {"train.batch=1..50000", "50000 values; at most 10000"},
                                          {"critic.activation=relu,tan", "did you mean tanh?"},
                                          {"critic.constraint=clip,r1", "--constraint"},
                                          {"train.seed=1,2", "--seed"},
                                          {"name=a,b", "another key"}}) {
    INFO(text);
    CHECK_THROWS_AS(parse_sweep(text), ConfigError);
    CHECK_THROWS_WITH(parse_sweep(text), Contains(expected));
  }
  CHECK_THROWS_WITH(parse_sweeps({"clip.c=1", "clip.c=2"}, {}), Contains("clip.c is given twice"));
  CHECK_THROWS_WITH(parse_sweeps({"clip.c=1"}, {"train.steps=3", "clip.c=2"}), Contains("--set clip.c"));
}

TEST_CASE("ensemble: the product names its factors, is bounded, and every run of it has a name of its own") {
  const std::vector<Sweep> sweeps{parse_sweep("critic.lambda=0.1,1,10"), parse_sweep("critic.activation=relu,tanh")};
  CHECK(describe_product(2, sweeps, 5) ==
        "2 constraints x 3 values of critic.lambda x 2 values of critic.activation x 5 seeds = 60 runs");
  CHECK(describe_product(1, {}, 1) == "1 constraint x 1 seed = 1 run");
  CHECK_NOTHROW(check_product(1, {}, most_runs));
  CHECK_THROWS_WITH(check_product(1, sweeps, 1667), Contains("= 10002 runs; at most 10000"));
  CHECK_THROWS_WITH(check_product(2, sweeps, INT64_MAX), Contains("more than 9e18 runs"));
  const auto all = combinations(sweeps);
  REQUIRE(all.size() == 6);
  CHECK(all.front() == Words{"critic.lambda=0.1", "critic.activation=relu"});
  CHECK(all[1] == Words{"critic.lambda=0.1", "critic.activation=tanh"});
  CHECK(combinations({}) == std::vector<Words>{{}});
  std::set<std::string> names;
  for (const Words& settings : all) {
    RunConfig config;
    for (const std::string& setting : settings) apply_setting(config, setting);
    CHECK(names.insert(run_name(config, sweeps)).second);
    CHECK(run_name(config, sweeps) == run_name(config, {sweeps[1], sweeps[0]}));  // whatever order they are given in
  }
  CHECK(names.contains("penalty-critic.lambda=0.1-critic.activation=relu-1"));
  RunConfig config;
  CHECK(run_name(config, {}) == "penalty-1");
  config.data.path = "../a b/c";
  const std::string odd = run_name(config, {parse_sweep("data.path=\"../a b/c\"")});
  CHECK(odd.starts_with("penalty-data.path=.._a_b_c~"));
  CHECK(odd.find('/') == std::string::npos);
  config.data.path = "../a_b/c";
  CHECK(run_name(config, {parse_sweep("data.path=x")}) != odd);
  config.data.path = std::string(4000, 'x');
  CHECK(run_name(config, {parse_sweep("data.path=x")}).size() < 255);
}

TEST_CASE("ensemble: shards divide the runs, each into one part, and come from Slurm and MPI") {
  CHECK(part(parse_shard("2/5")) == std::pair<int64_t, int64_t>{2, 5});
  for (const char* text : {"", "2", "0/3", "4/3", "1/0", "-1/3", "1/3/5", "a/3", "1/1000001"}) {
    INFO(text);
    CHECK_THROWS_AS(parse_shard(text), ConfigError);
    CHECK_THROWS_WITH(parse_shard(text), Contains("I/N") && Contains("counted from 1"));
  }
  CHECK(Shard{2, 3}.has(2));
  CHECK(Shard{2, 3}.has(5));
  CHECK_FALSE(Shard{2, 3}.has(3));
  for (int64_t number = 1; number <= 20; ++number) {
    int holders = 0;
    for (int64_t index = 1; index <= 7; ++index) holders += Shard{index, 7}.has(number) ? 1 : 0;
    CHECK(holders == 1);
  }
  CHECK(in_environment({}).whole());
  const std::map<std::string, std::string> array{
      {"SLURM_ARRAY_TASK_ID", "7"}, {"SLURM_ARRAY_TASK_MIN", "5"}, {"SLURM_ARRAY_TASK_COUNT", "4"}};
  CHECK(part(in_environment(array)) == std::pair<int64_t, int64_t>{3, 4});
  CHECK(in_environment(array).source == "SLURM_ARRAY_TASK_ID");
  auto stepped = array;  // --array=1-9:2
  stepped = {{"SLURM_ARRAY_TASK_ID", "5"},
             {"SLURM_ARRAY_TASK_MIN", "1"},
             {"SLURM_ARRAY_TASK_STEP", "2"},
             {"SLURM_ARRAY_TASK_COUNT", "5"}};
  CHECK(part(in_environment(stepped)) == std::pair<int64_t, int64_t>{3, 5});
  CHECK(part(in_environment({{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "3"}})) ==
        std::pair<int64_t, int64_t>{1, 3});
  CHECK(part(in_environment({{"PMI_RANK", "2"}, {"PMI_SIZE", "3"}})) == std::pair<int64_t, int64_t>{3, 3});
  CHECK(part(in_environment({{"SLURM_PROCID", "1"}, {"SLURM_NTASKS", "4"}})) == std::pair<int64_t, int64_t>{2, 4});
  CHECK(in_environment({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "1"}}).whole());
  auto both = array;
  both.insert({{"SLURM_PROCID", "1"}, {"SLURM_NTASKS", "2"}});
  CHECK(part(in_environment(both)) == std::pair<int64_t, int64_t>{6, 8});
  // An array with gaps, --array=1,4,9, and values that are no numbers.
  const std::map<std::string, std::string> gaps{
      {"SLURM_ARRAY_TASK_ID", "9"}, {"SLURM_ARRAY_TASK_MIN", "1"}, {"SLURM_ARRAY_TASK_COUNT", "3"}};
  CHECK_THROWS_WITH(in_environment(gaps), Contains("SLURM_ARRAY_TASK_ID = 9") && Contains("--shard I/N"));
  CHECK_THROWS_WITH(in_environment({{"PMI_RANK", "x"}, {"PMI_SIZE", "3"}}), Contains("PMI_RANK = x"));
  CHECK_THROWS_AS(in_environment({{"PMI_RANK", "3"}, {"PMI_SIZE", "3"}}), ConfigError);
}

TEST_CASE("ensemble: jobs are dealt to devices, one slot after the other, and no more at a time than there are slots") {
  const ProgramFolder folder;
  std::vector<fs::path> folders;
  for (int i = 0; i < 9; ++i) {
    folders.push_back(folder.path / std::to_string(i));
    fs::create_directories(folders.back());
  }
  std::map<std::string, int> on;
  size_t most = 0, ended = 0;
  SideBySide* jobs = nullptr;
  SideBySideOptions options;
  options.devices = {"sim:0", "sim:1"};
  options.jobs = 3;
  options.command = [&](size_t, const std::string& device) {
    ++on[device];
    most = std::max(most, jobs->state().running.size() + 1);
    return Words{"/bin/sleep", "0.1"};
  };
  options.on_end = [&](const JobEnd& end) {
    ++ended;
    CHECK(end.failure.empty());
    if (ended < 9) CHECK(jobs->state().remaining.has_value());
  };
  SideBySide all(folders, options);
  jobs = &all;
  CHECK(all.go());
  CHECK(ended == 9);
  CHECK(most == 3);
  CHECK(on.size() == 2);
  CHECK(on["sim:0"] > on["sim:1"]);  // two of three slots
}

TEST_CASE("ensemble: a job whose folder another process holds is left to it; a failed one has its code and output") {
  const ProgramFolder folder;
  const std::vector<fs::path> folders{folder.path / "held", folder.path / "failing", folder.path / "done"};
  for (const fs::path& path : folders) fs::create_directories(path);
  Program holder({"train", "--out", folder / "held", "--set", "train.steps=1000000", "--quiet"});
  REQUIRE(wait_for([&] { return is_locked(folders[0]); }));
  std::map<size_t, JobEnd> ends;
  SideBySideOptions options;
  options.devices = {"cpu"};
  options.command = [&](size_t job, const std::string&) -> std::optional<Words> {
    CHECK(job != 0);
    if (job == 2) return std::nullopt;
    return Words{"/bin/sh", "-c", "echo boom; exit 7"};
  };
  options.on_end = [&](const JobEnd& end) { ends[end.job] = end; };
  CHECK(SideBySide(folders, options).go());
  CHECK(ends.at(0).elsewhere);
  CHECK(ends.at(2).elsewhere);
  CHECK(ends.at(1).failure == "exit code 7");
  CHECK(ends.at(1).code == 7);
  CHECK(ends.at(1).log == "boom\n");
}

TEST_CASE("ensemble: a stop asks first and kills later; without grace it kills") {
  const ProgramFolder folder;
  fs::create_directories(folder.path / "a");
  for (const double grace : {0.0, 5.0}) {
    int asked = 0;
    SideBySideOptions options;
    options.devices = {"cpu"};
    options.grace = grace;
    options.command = [&](size_t, const std::string&) {
      const std::string mark = folder / "ready";
      fs::remove(mark);
      return Words{
          "/bin/sh", "-c",
          "trap 'touch " + (folder / "asked") + "; exit 0' TERM; touch " + mark + "; while :; do sleep 0.05; done"};
    };
    options.should_stop = [&] { return fs::exists(folder / "ready") && ++asked > 2; };
    CHECK_FALSE(SideBySide({folder.path / "a"}, options).go());
    CHECK(fs::exists(folder / "asked") == (grace > 0));
  }
}

TEST_CASE("ensemble: locks are held alone, shared, or after waiting") {
  const ProgramFolder folder;
  CHECK_FALSE(is_locked(folder.path));
  {
    const FolderLock one(folder.path, FolderLock::Mode::shared), other(folder.path, FolderLock::Mode::shared);
    CHECK_THROWS_WITH(FolderLock(folder.path), Contains("another process"));
  }
  const FolderLock alone(folder.path);
  CHECK(is_locked(folder.path));
  CHECK_THROWS_WITH(FolderLock(folder.path, FolderLock::Mode::shared), Contains("another process"));
  CHECK_NOTHROW(FolderLock(folder.path, FolderLock::Mode::waiting, "report.lock"));
}

TEST_CASE("ensemble: a spread is the median, the mean with its interval, and the ends") {
  const Spread odd = spread_of({3, 1, 8});
  CHECK(odd.median == 3);
  CHECK(odd.mean == 4);
  CHECK(odd.min == 1);
  CHECK(odd.max == 8);
  // t(2) = 4.302653, s = 3.605551
  CHECK(odd.low == Approx(4 - 4.302653 * 3.605551 / std::sqrt(3.0)).margin(1e-5));
  CHECK(spread_of({4, 1, 2, 9}).median == 3);
  CHECK(spread_of({5}).low == -std::numeric_limits<double>::infinity());
}

TEST_CASE("ensemble: the table finds what differs, gathers seeds, and counts finished, diverged and missing runs") {
  const ProgramFolder folder;
  std::vector<fs::path> runs;
  const auto add = [&](const std::string& kind, double lambda, int64_t seed, const json& line) {
    RunConfig config;
    config.name = "a, \"b\"";
    config.steps = 10;
    config.constraint.kind = kind;
    config.constraint.lambda = lambda;
    config.critic.learning_rate = kind == "clip" ? 1 : 2;  // comes with the constraint: no column
    config.seed = seed;
    runs.push_back(planted_run(folder, std::to_string(runs.size()), config, line));
  };
  for (int64_t seed = 1; seed <= 3; ++seed) {
    add("penalty", 0.5, seed, {{"step", 10}, {"gradient_norm_mean", 1.0}, {"w1", seed}});
    add("penalty", 2, seed, {{"step", seed == 1 ? 9 : 10}, {"gradient_norm_mean", 1.0}, {"w1", 10 * seed}});
  }
  add("clip", 2, 1, {{"step", 4}, {"diverged", "step 4: it broke"}});
  add("clip", 2, 2, json());
  const RunTable table = read_table(runs);
  CHECK(table.keys == Words{"critic.lambda"});
  CHECK(table.count(RunRow::State::finished) == 5);
  CHECK(table.count(RunRow::State::diverged) == 1);
  CHECK(table.count(RunRow::State::missing) == 2);
  const std::vector<Cell> cells = cells_of(table);
  REQUIRE(cells.size() == 3);
  CHECK(cells[0].values == Words{"0.5"});
  CHECK(cells[0].metrics.at("w1").median == 2);
  CHECK(cells[0].typical == 2);
  CHECK(cells[1].finished == 2);
  CHECK(cells[1].missing == 1);
  CHECK(cells[1].metrics.at("w1").median == 25);
  CHECK(cells[1].typical == 3);  // the lower of the two in the middle
  CHECK(cells[2].diverged == 1);
  CHECK(cells[2].missing == 1);
  CHECK(cells[2].metrics.empty());
  const json written = json::parse(to_json(table, cells).dump());
  CHECK(written["runs"].size() == 8);
  CHECK(written["runs"][0]["values"]["critic.lambda"] == 0.5);
  CHECK(written["runs"][6]["diverged"] == "step 4: it broke");
  CHECK(written["cells"][1]["seeds"] == json{1, 2, 3});
  CHECK(written["cells"][0]["metrics"]["w1"]["count"] == 3);
  const std::string csv = to_csv(table);
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 9);
  CHECK_THAT(csv, Contains("run,name,constraint,seed,critic.lambda,state,step,steps,w1,") &&
                      Contains("\n0,\"a, \"\"b\"\"\",penalty,1,0.5,finished,10,10,1,"));
}

TEST_CASE("ensemble: a watched run tells whole new lines, once, also when it begins its file anew") {
  const ProgramFolder folder;
  const fs::path file = folder.path / "metrics.jsonl";
  const auto steps = [](const std::vector<json>& lines) {
    std::vector<int64_t> found;
    for (const json& line : lines) found.push_back(line["step"]);
    return found;
  };
  MetricsWatch watch(folder.path, -1);
  CHECK(watch.poll().empty());
  CHECK(watch.step() == 0);
  std::ofstream(file) << "{\"step\":0}\n{\"step\":10}\n{\"st";
  CHECK(steps(watch.poll()) == std::vector<int64_t>{0, 10});
  std::ofstream(file, std::ios::app) << "ep\":20}\n";
  CHECK(steps(watch.poll()) == std::vector<int64_t>{20});
  std::ofstream(folder / "new") << "{\"step\":0}\n{\"step\":10}\n{\"step\":20}\n{\"step\":30}\n";
  fs::rename(folder / "new", file);
  CHECK(steps(watch.poll()) == std::vector<int64_t>{30});
  CHECK(watch.step() == 30);
  CHECK(steps(MetricsWatch(folder.path, 10).poll()) == std::vector<int64_t>{20, 30});
}
