// Ensembles as a user runs them: seeds, sweeps, shards and devices of `compare` and `study`; what is kept when they are
// stopped, repeated, changed or fail; the report over all runs.
#include "models/files/folder_lock.h"
#include "tests/program.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

using namespace kantor;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

using Words = std::vector<std::string>;

Words operator+(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// Runs whose steps take milliseconds. They are told (no --quiet).
Words ensemble(const std::string& out, const Words& more = {}) {
  Words words = tiny_training(out, more);
  words[0] = "compare";
  words.erase(std::find(words.begin(), words.end(), "--quiet"));
  return words;
}

/// The run folders with what tells their trainings apart: the bytes of the newest checkpoint, and when it was written.
std::map<std::string, std::pair<std::string, fs::file_time_type>> trained(const fs::path& out) {
  std::map<std::string, std::pair<std::string, fs::file_time_type>> found;
  for (const auto& entry : fs::directory_iterator(out)) {
    if (!fs::exists(entry.path() / "checkpoints") || newest(entry.path()).empty()) continue;
    found[entry.path().filename().string()] = {text_of(newest(entry.path())),
                                               fs::last_write_time(newest(entry.path()))};
  }
  return found;
}

json results(const std::string& out) {
  return json::parse(text_of(out + "/runs.json"));
}

/// Variables of the environment for the programs that are started while it lives.
class Variables {
 public:
  explicit Variables(const std::map<std::string, std::string>& values) : values_(values) {
    for (const auto& [name, value] : values_) setenv(name.c_str(), value.c_str(), 1);
  }
  ~Variables() {
    for (const auto& [name, value] : values_) unsetenv(name.c_str());
  }
  Variables(const Variables&) = delete;
  Variables& operator=(const Variables&) = delete;

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace

TEST_CASE("ensemble program: a sweep by seeds, each run in its folder, equal to the same run by train, one report") {
  const ProgramFolder folder;
  const std::string out = folder / "all";
  const Words sweep{"--constraint", "penalty", "--sweep", "critic.lambda=0.1,10", "--seed", "1..2", "--jobs", "2"};
  const ProgramResult result = run_kantor(ensemble(out, sweep));
  INFO(result.err << result.out);
  REQUIRE(result.code == 0);
  CHECK_THAT(result.err, Contains("1 constraint x 2 values of critic.lambda x 2 seeds = 4 runs") &&
                             Contains("2 at a time") && Contains("[4/4") && Contains("ETA"));
  const auto runs = trained(out);
  CHECK(runs.size() == 4);
  REQUIRE(run_kantor(tiny_training(folder / "one", {"--set", "critic.lambda=10", "--seed", "2"})).code == 0);
  CHECK(runs.at("penalty-critic.lambda=10-2").first == text_of(newest(folder / "one")));
  const json written = results(out);
  CHECK(written["keys"] == json{"critic.lambda"});
  REQUIRE(written["cells"].size() == 2);
  CHECK(written["cells"][0]["seeds"] == json{1, 2});
  CHECK(written["cells"][0]["metrics"]["w1"]["count"] == 2);
  const std::string csv = text_of(out + "/runs.csv");
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 5);
  CHECK_THAT(result.out, Contains("critic.lambda") && Contains("over the seeds") && Contains("["));
  CHECK_THAT(text_of(out + "/report.html"), Contains("\"keys\":[\"critic.lambda\"]"));

  const ProgramResult again = run_kantor(ensemble(out, sweep));  // the same command: nothing is left
  CHECK(again.code == 0);
  CHECK_THAT(again.err, Contains("4 have ended already"));
  CHECK(trained(out) == runs);
  const ProgramResult more = run_kantor(
      ensemble(out, {"--constraint", "penalty", "--sweep", "critic.lambda=0.1,10", "--seed", "1..3", "--jobs", "2"}));
  CHECK(more.code == 0);
  CHECK(trained(out).size() == 6);
  for (const auto& [name, run] : runs) CHECK(trained(out).at(name) == run);
  CHECK(results(out)["cells"][1]["metrics"]["w1"]["count"] == 3);
}

TEST_CASE(
    "ensemble program: wrong seeds, sweeps, products, shards and devices are refused before anything is written") {
  const ProgramFolder folder;
  const std::string out = folder / "out";
  check_refused(ensemble(out, {"--seed", "3..1"}), 2, {"--seed 3..1", "goes down"});
  check_refused(ensemble(out, {"--seed", "1,x"}), 2, {"'x'", "1..100"});
  check_refused(ensemble(out, {"--seed", "1,1..2"}), 2, {"named twice"});
  check_refused(ensemble(out, {"--sweep", "critic.lambda=1,1.0"}), 2, {"named twice", "critic.lambda=1"});
  check_refused(ensemble(out, {"--seed", "1..1000000000000"}), 2,
                {"2 constraints x 1000000000000 seeds = 2000000000000 runs", "at most 10000"});
  check_refused(ensemble(out, {"--sweep", "critic.lamda=1,2"}), 2, {"did you mean critic.lambda?"});
  check_refused(ensemble(out, {"--sweep", "train.batch=16,0"}), 2, {"train.batch = 0"});
  check_refused(ensemble(out, {"--sweep", "train.batch=16,32"}), 2, {"--set train.batch", "swept"});
  check_refused(ensemble(out, {"--shard", "3/2"}), 2, {"--shard 3/2", "I/N"});
  Words nowhere = ensemble(out, {"--shard", "1/2"});
  nowhere.erase(nowhere.begin() + 1, nowhere.begin() + 3);
  check_refused(nowhere, 2, {"--shard needs --out"});
  check_refused(ensemble(out, {"--devices", "sim:0,cpu"}), 2, {"another kind"});
  check_refused(ensemble(out, {"--devices", "sim:0,sim:0"}), 2, {"named twice", "--jobs"});
  check_refused(ensemble(out, {"--devices", "sim:0,"}), 2, {"joined by commas"});
  check_refused(ensemble(out, {"--devices", "sim:x"}), 4, {"sim:x", "sim:N"});
  check_refused(ensemble(out, {"--devices", "quantum"}), 4, {"quantum"});
  check_refused(ensemble(out, {"--devices", "sim:0", "--device", "cpu"}), 2, {"--device"});
  check_refused({"compare", "--report", "--out", out}, 3, {"no comparison"});
  check_refused({"compare", "--report"}, 2, {"--out"});
  CHECK_FALSE(fs::exists(out));
  const Variables gaps({{"SLURM_ARRAY_TASK_ID", "9"}, {"SLURM_ARRAY_TASK_COUNT", "3"}, {"SLURM_ARRAY_TASK_MIN", "1"}});
  check_refused(ensemble(out), 2, {"SLURM_ARRAY_TASK_ID = 9", "--shard 1/1"});
}

TEST_CASE("ensemble program: a changed command is refused with what differs, and changes nothing") {
  const ProgramFolder folder;
  const std::string out = folder / "all";
  REQUIRE(run_kantor(ensemble(out, {"--constraint", "clip", "--seed", "1"})).code == 0);
  const auto before = trained(out);
  const std::string config = text_of(out + "/clip-1/config.toml");
  check_refused(ensemble(out, {"--constraint", "clip", "--seed", "1", "--set", "clip.c=0.5"}), 3,
                {"clip.c of clip-1 is 0.1 there, and 0.5 by these options"});
  check_refused(ensemble(out, {"--constraint", "clip", "--seed", "2", "--set", "clip.c=0.5"}), 2,
                {"clip-2 is not in this comparison yet", "clip.c is 0.1 there"});
  check_refused(ensemble(out, {"--constraint", "clip", "--seed", "1", "--set", "train.steps=40"}), 3,
                {"train.steps of clip-1 is 30 there"});
  CHECK(trained(out) == before);
  CHECK(text_of(out + "/clip-1/config.toml") == config);
  CHECK_FALSE(fs::exists(out + "/clip-2"));
  const ProgramResult longer = run_kantor({"compare", "--resume", "--out", out, "--set", "train.steps=40"});
  INFO(longer.err);
  CHECK(longer.code == 0);
  CHECK(lines_of(out + "/clip-1").back()["step"] == 40);
}

TEST_CASE("ensemble program: Ctrl-C ends within 5 s, says how to go on, and the same command does") {
  const ProgramFolder folder;
  const std::string out = folder / "all";
  const Words steps{"--set", "train.steps=3000",  "--set", "eval.every=3000",
                    "--set", "sample.every=3000", "--set", "checkpoint.every=10000"};
  const Words words = ensemble(out, steps + Words{"--constraint", "penalty", "--seed", "1..4", "--jobs", "2"});
  Program program(words);
  REQUIRE(wait_for([&] {  // whole lines: the last one may be incomplete
    const std::string text = text_of(out + "/penalty-1/metrics.jsonl");
    return std::count(text.begin(), text.end(), '\n') > 3;
  }));
  const auto sent = std::chrono::steady_clock::now();
  program.send(SIGINT);
  CHECK(program.wait(20) == 130);
  CHECK(std::chrono::steady_clock::now() - sent < std::chrono::seconds(5));
  CHECK_THAT(program.err(), Contains("kantor compare --resume --out " + out));
  CHECK_FALSE(trained(out).empty());  // with a checkpoint, though none was due
  CHECK(fs::exists(out + "/penalty-4/config.toml"));
  CHECK_FALSE(fs::exists(out + "/penalty-4/metrics.jsonl"));
  const ProgramResult result = run_kantor(words);
  INFO(result.err);
  CHECK(result.code == 0);
  for (int seed = 1; seed <= 4; ++seed) {
    CHECK(lines_of(out + "/penalty-" + std::to_string(seed)).back()["step"] == 3000);
  }
  REQUIRE(run_kantor(tiny_training(folder / "whole", steps + Words{"--seed", "1"})).code == 0);
  CHECK(text_of(newest(out + "/penalty-1")) == text_of(newest(folder / "whole")));
}

TEST_CASE("ensemble program: a run that fails is named with its output, the others go on, and it is tried again") {
  const bool simulated = GENERATE(false, true);  // there the other runs share launches
  const ProgramFolder folder;
  const std::string out = folder / "all";
  fs::create_directories(folder.path / "all/clip-2");
  (void)folder.file("all/clip-2/samples", "a file where a folder belongs");
  Words words = ensemble(out, {"--constraint", "clip", "--seed", "1..3", "--jobs", "1"});
  const std::string steps = simulated ? "3" : "30";
  words = words + Words{"--set", "train.steps=" + steps, "--device", simulated ? "sim" : "cpu"};
  const ProgramResult result = run_kantor(words);
  INFO(result.err);
  CHECK(result.code == 3);
  CHECK_THAT(result.err, Contains("clip-2: FAILED") && Contains("exit code 3") && Contains("cannot make") &&
                             Contains("1 runs failed") && Contains("1 of 3 runs are missing"));
  CHECK(lines_of(out + "/clip-3").back()["step"] == std::stoi(steps));
  CHECK(results(out)["cells"][0]["missing"] == 1);
  fs::remove(out + "/clip-2/samples");
  const auto before = trained(out);
  CHECK(run_kantor(words).code == 0);
  CHECK(results(out)["cells"][0]["finished"] == 3);
  CHECK(trained(out).at("clip-1") == before.at("clip-1"));
}

TEST_CASE("ensemble program: shards share one folder, each does its runs, and a last call reports over all") {
  const ProgramFolder folder;
  const std::string out = folder / "all";
  const Words words =
      ensemble(out, {"--constraint", "clip", "--constraint", "penalty", "--seed", "1..3", "--jobs", "1"});
  const ProgramResult first = run_kantor(words + Words{"--shard", "2/3"});
  INFO(first.err);
  CHECK(first.code == 0);
  CHECK_THAT(first.err,
             Contains("shard 2 of 3 (--shard): 2 of them, number 2, 5") && Contains("4 of 6 runs are missing"));
  CHECK(trained(out).size() == 2);
  CHECK(trained(out).contains("clip-2"));
  CHECK(trained(out).contains("penalty-2"));
  {  // two at once, one by a Slurm array
    Program third(words + Words{"--shard", "3/3"});
    const Variables slurm(
        {{"SLURM_ARRAY_TASK_ID", "10"}, {"SLURM_ARRAY_TASK_COUNT", "3"}, {"SLURM_ARRAY_TASK_MIN", "10"}});
    const ProgramResult other = run_kantor(words);
    CHECK(other.code == 0);
    CHECK_THAT(other.err, Contains("shard 1 of 3 (SLURM_ARRAY_TASK_ID)"));
    CHECK(third.wait() == 0);
  }
  CHECK(trained(out).size() == 6);
  fs::remove_all(out + "/clip-3/checkpoints");
  fs::remove(out + "/clip-3/metrics.jsonl");
  const auto before = trained(out);
  const ProgramResult report = run_kantor({"compare", "--report", "--out", out});
  INFO(report.err);
  CHECK(report.code == 0);
  CHECK_THAT(report.err, Contains("1 of 6 runs are missing"));
  CHECK(results(out)["cells"][0]["finished"] == 2);
  CHECK(trained(out) == before);  // nothing was trained
  CHECK(run_kantor({"compare", "--resume", "--out", out, "--shard", "3/3"}).code == 0);
  CHECK(results(out)["cells"][0]["finished"] == 3);
}

TEST_CASE("ensemble program: two equal commands at once train every run once") {
  const ProgramFolder folder;
  const std::string out = folder / "all";
  const Words words = ensemble(out, {"--constraint", "clip", "--seed", "1..4", "--jobs", "1"});
  Program one(words), other(words);
  CHECK(one.wait() == 0);
  CHECK(other.wait() == 0);
  for (int seed = 1; seed <= 4; ++seed) {
    const std::vector<json> lines = lines_of(out + "/clip-" + std::to_string(seed));
    CHECK(std::count_if(lines.begin(), lines.end(), [](const json& line) { return line["step"] == 0; }) == 1);
    CHECK(lines.back()["step"] == 30);
  }
  const std::string told = one.err() + other.err();
  int trainings = 0;
  for (size_t at = told.find(": done on"); at != std::string::npos; at = told.find(": done on", at + 1)) ++trainings;
  CHECK(trainings == 4);
}

TEST_CASE("ensemble program: runs are dealt to the simulators, which share launches, and results do not depend on it") {
  const ProgramFolder folder;
  const Words small{"--constraint", "clip",
                    "--seed",       "1..4",
                    "--set",        "train.steps=2",
                    "--set",        "train.batch=4",
                    "--set",        "train.critic_steps=1",
                    "--set",        "generator.depth=1",
                    "--set",        "critic.depth=1"};
  const ProgramResult both = run_kantor(ensemble(folder / "both", small + Words{"--devices", "sim:0,sim:1"}));
  INFO(both.err);
  REQUIRE(both.code == 0);
  CHECK_THAT(both.err, Contains("[4/4"));
  CHECK_THAT(both.err,
             Contains("2 at a time on sim:0, sim:1") && Contains("done on sim:0") && Contains("done on sim:1"));
  REQUIRE(run_kantor(ensemble(folder / "one", small + Words{"--device", "sim"})).code == 0);
  for (const char* run : {"clip-1", "clip-2", "clip-3", "clip-4"}) {
    CHECK(text_of(newest(folder.path / "both" / run)) == text_of(newest(folder.path / "one" / run)));
    CHECK(json::parse(text_of(folder.path / "both" / run / "env.json"))["device"] == "sim");
    CHECK_THAT(text_of(folder.path / "both" / run / "env.json"), Contains("fused"));
  }
}

TEST_CASE("ensemble program: small models on one device share launches, and each run has the bits of its own") {
  const ProgramFolder folder;
  const Words small{"--set", "train.steps=3",     "--set", "train.batch=4",  "--set",    "train.critic_steps=1",
                    "--set", "generator.depth=1", "--set", "critic.depth=1", "--device", "sim"};
  const Words product{"--constraint", "clip", "--constraint", "r1", "--sweep", "critic.depth=1,2", "--seed", "1..2"};
  Words together = small;
  together.erase(together.end() - 4, together.end() - 2);  // critic.depth is swept
  const ProgramResult all = run_kantor(ensemble(folder / "all", product + together));
  INFO(all.err);
  REQUIRE(all.code == 0);
  CHECK_THAT(all.err, Contains("[8/8"));
  CHECK(trained(folder / "all").size() == 8);
  REQUIRE(run_kantor(tiny_training(folder / "alone", small + Words{"--constraint", "r1", "--seed", "2"})).code == 0);
  CHECK(text_of(newest(folder.path / "all" / "r1-critic.depth=1-2")) == text_of(newest(folder / "alone")));
  CHECK_THAT(text_of(folder.path / "all" / "clip-critic.depth=2-1" / "env.json"), Contains("fused"));
}

TEST_CASE("ensemble program: --json prints every run's lines with its name") {
  const ProgramFolder folder;
  const ProgramResult result =
      run_kantor(ensemble(folder / "all", {"--constraint", "clip", "--seed", "1..2", "--jobs", "2", "--json"}));
  REQUIRE(result.code == 0);
  std::map<std::string, std::vector<int64_t>> steps;
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) {
    const json parsed = json::parse(line);
    steps[parsed["run"]].push_back(parsed["step"]);
    CHECK(parsed["steps"] == 30);
  }
  CHECK(steps.size() == 2);
  for (const char* run : {"clip-1", "clip-2"}) {
    CHECK(steps[run].size() == lines_of(folder.path / "all" / run).size());
    CHECK(std::is_sorted(steps[run].begin(), steps[run].end()));
  }
}

TEST_CASE("ensemble program: many runs make one page with few figures, in the time of few") {
  const ProgramFolder folder;
  const std::string out = folder / "all";
  REQUIRE(run_kantor(ensemble(out, {"--constraint", "clip", "--seed", "1"})).code == 0);
  const std::string config = text_of(out + "/clip-1/config.toml");
  for (int seed = 2; seed <= 40; ++seed) {
    const fs::path run = fs::path(out) / ("clip-" + std::to_string(seed));
    fs::copy(out + "/clip-1", run, fs::copy_options::recursive);
    const size_t at = config.find("seed = 1 ");
    REQUIRE(at != std::string::npos);
    std::ofstream(run / "config.toml") << std::string(config).replace(at, 9, "seed = " + std::to_string(seed) + " ");
  }
  const ProgramResult report = run_kantor({"compare", "--report", "--out", out});
  INFO(report.err);
  CHECK(report.code == 0);
  const json written = results(out);
  CHECK(written["runs"].size() == 40);
  REQUIRE(written["cells"].size() == 1);
  CHECK(written["cells"][0]["finished"] == 40);
  CHECK(written["runs"][1]["run"] == "clip-2");  // before clip-10
  CHECK(fs::file_size(out + "/report.html") < 1'000'000);
  CHECK(std::count(report.out.begin(), report.out.end(), '\n') < 10);
}

TEST_CASE("ensemble program: a study's shards share its folder, on two simulators' labels, and report together") {
  const ProgramFolder folder;
  const std::string out = folder / "out";
  const Words study{"study", "pile-up", "--tiny", "--out", out, "--threads", "1"};
  const ProgramResult first = run_kantor(study + Words{"--shard", "1/2"});
  INFO(first.err);
  CHECK(first.code == 0);
  CHECK_THAT(first.err, Contains("shard 1 of 2 (--shard)") && Contains("pile-up: 3 of 6 runs are missing"));
  {
    const FolderLock another_shard(out, FolderLock::Mode::shared);
    check_refused(study, 3, {"another process"});  // all runs at once: not beside a shard
    const Variables mpi({{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "2"}});
    const ProgramResult second = run_kantor(study);
    CHECK(second.code == 0);
    CHECK_THAT(second.err, Contains("shard 2 of 2 (OMPI_COMM_WORLD_RANK)") && !Contains("missing"));
  }
  const json concluded = json::parse(text_of(out + "/pile-up/result.json"));
  CHECK(concluded["missing"].empty());
  fs::remove(out + "/pile-up/runs/" + fs::directory_iterator(out + "/pile-up/runs")->path().filename().string() +
             "/result.json");
  const ProgramResult report = run_kantor(study + Words{"--report"});
  CHECK(report.code == 0);
  CHECK_THAT(report.err, Contains("pile-up: 1 of 6 runs are missing"));
  CHECK(json::parse(text_of(out + "/pile-up/result.json"))["missing"].size() == 1);
  check_refused({"study", "pile-up", "--tiny", "--report", "--out", folder / "none"}, 3, {"no study"});
}
