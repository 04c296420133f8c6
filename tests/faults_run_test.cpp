// Problems that users had in train, compare and sample: each in its smallest form, with the exit code and the
// message that help, and nothing lost.
#include "engine/random.h"
#include "models/files/npy.h"
#include "models/files/png.h"
#include "models/files/safetensors.h"
#include "models/metrics/transport.h"
#include "tests/program.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <fstream>
#include <map>
#include <string>
#include <vector>

using namespace kantor;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

using Words = std::vector<std::string>;

Words operator+(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// Every file below a folder with its content.
std::map<std::string, std::string> snapshot(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files[entry.path().string()] = text_of(entry.path());
  }
  return files;
}

Words resume(const std::string& out, const Words& more = {}) {
  return Words{"train", "--resume", "--out", out} + more;
}

Words comparison(const std::string& out, const Words& more = {}) {
  Words words = tiny_training(out, more);
  words[0] = "compare";
  return words;
}

/// The smallest training for pictures: one step with a batch of two, whose grid has one row.
Words picture_training(const std::string& out, const std::string& data, const Words& more = {}) {
  return Words{"train", "--out",
               out,     "--data",
               data,    "--quiet",
               "--set", "train.steps=1",
               "--set", "train.batch=2",
               "--set", "train.critic_steps=1",
               "--set", "generator.width=4",
               "--set", "critic.width=4"} +
         more;
}
const Words mlp_networks{"--set", "generator.network=mlp", "--set", "critic.network=mlp"};

/// Pictures [n, channels, size, size] of any values in [0, 1].
std::string pictures(const ProgramFolder& folder, int64_t n, int64_t channels, int64_t size) {
  const std::string path = folder / ("pictures" + std::to_string(channels) + "x" + std::to_string(size) + ".npy");
  write_npy(path, uniform({n, channels, size, size}, 1, 1, zeros({}, {DType::int64, {}})));
  return path;
}

void replace_in(const fs::path& path, const std::string& from, const std::string& to) {
  std::string text = text_of(path);
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  std::ofstream(path, std::ios::binary) << text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("faults: a resume that asks for what a started run keeps is refused, and changes nothing") {
  const ProgramFolder folder;
  const std::string run = folder / "run";
  REQUIRE(run_kantor(tiny_training(run)).code == 0);
  const auto before = snapshot(run);
  const auto refused = [&](const Words& more, const Words& texts) {
    check_refused(resume(run, more), 2, texts);
    CHECK(snapshot(run) == before);
  };
  refused({"--set", "critic.width=9"}, {"critic.width is 8", "--set critic.width=9", "asks for 9", "another --out"});
  refused({"--set", "critic.learning_rate=-1"}, {"critic.learning_rate = -1"});
  refused({"--seed", "9"}, {"train.seed is 1", "--seed 9"});
  refused({"--constraint", "clip"}, {"critic.constraint is \"penalty\"", "--constraint clip"});
  refused({"--constraint", "penality"}, {"did you mean penalty?"});
  refused({"--preset", "swissroll"}, {"data.kind is \"gaussians8\"", "--preset swissroll"});
  refused({"--data", "nowhere.npy"}, {"trains on gaussians8", "nowhere.npy"});
  refused({"--config", folder.file("other.toml", "[train]\nbatch = 17\n")}, {"train.batch is 16", "other.toml", "17"});
  refused({"--set", "train.steps=20"}, {"30 steps are done", "train.steps = 20"});
  const ProgramResult result = run_kantor(resume(run, {"--set", "train.steps=40"}));
  INFO(result.err);
  CHECK(result.code == 0);
  CHECK(lines_of(run).back()["step"] == 40);
}

TEST_CASE("faults: a resumed run takes another learning rate and more steps, and tells from when") {
  const ProgramFolder folder;
  const std::string run = folder / "run";
  REQUIRE(run_kantor(tiny_training(run)).code == 0);
  const Words change{"--set", "critic.learning_rate=1e-5", "--set", "train.steps=40", "--set", "name=\"slower\""};
  const ProgramResult result = run_kantor(resume(run, change));
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK_THAT(result.err, Contains("critic.learning_rate: 1e-05 instead of 0.001 from step 30 on"));
  CHECK_THAT(text_of(run + "/config.toml"), Contains("learning_rate = 1e-05") && Contains("steps = 40"));
  const json changes = json::parse(text_of(run + "/env.json")).at("changes");
  CHECK(changes.size() == 3);
  CHECK(std::any_of(changes.begin(), changes.end(), [](const json& change_made) {
    return change_made["key"] == "critic.learning_rate" && change_made["step"] == 30 && change_made["to"] == "1e-05";
  }));
  REQUIRE(run_kantor(resume(run, {"--set", "train.steps=45"})).code == 0);
  CHECK(json::parse(text_of(run + "/env.json")).at("changes").size() == 4);
  // At the checkpoint's own rate the weights would be different: the training used the new rate.
  REQUIRE(run_kantor(tiny_training(folder / "whole", {"--set", "train.steps=45"})).code == 0);
  CHECK(read_safetensors(newest(run)).at("critic.0.weight").to_vector<float>() !=
        read_safetensors(newest(folder / "whole")).at("critic.0.weight").to_vector<float>());
}

TEST_CASE("faults: the run's own options beside --resume are fine; with all steps done nothing is left") {
  const ProgramFolder folder;
  const std::string run = folder / "run";
  const Words own = tiny_training(run, {"--preset", "grid25", "--constraint", "r1", "--seed", "3"});
  REQUIRE(run_kantor(own).code == 0);
  const std::string weights = text_of(newest(run));
  Words again = own;
  again.erase(std::find(again.begin(), again.end(), "--quiet"));
  const ProgramResult result = run_kantor(again + Words{"--resume", "--config", run + "/config.toml"});
  INFO(result.err);
  CHECK(result.code == 0);
  CHECK_THAT(result.err, Contains("nothing is left: 30 of 30 steps are done"));
  CHECK(text_of(newest(run)) == weights);
  CHECK(lines_of(run).back()["step"] == 30);
}

TEST_CASE("faults: a config.toml that a refused change once overwrote is set right by the checkpoint") {
  const ProgramFolder folder;
  const std::string run = folder / "run";
  REQUIRE(run_kantor(tiny_training(run)).code == 0);
  replace_in(run + "/config.toml", "\nbatch = 16 ", "\nbatch = 17 ");
  const ProgramResult result = run_kantor(resume(run, {"--set", "train.steps=35"}));
  INFO(result.err);
  CHECK(result.code == 0);
  CHECK_THAT(result.err, Contains("config.toml says train.batch = 17") && Contains("trained with 16"));
  CHECK_THAT(text_of(run + "/config.toml"), Contains("batch = 16"));
  CHECK(lines_of(run).back()["step"] == 35);
}

TEST_CASE("faults: a diverged training is a result: report, reason, exit 5; a lower rate goes on") {
  const ProgramFolder folder;
  const std::string run = folder / "run";
  const ProgramResult result = run_kantor(tiny_training(
      run, {"--set", "critic.learning_rate=1e12", "--set", "critic.optimizer=sgd", "--set", "checkpoint.every=1"}));
  INFO(result.err);
  CHECK(result.code == 5);
  CHECK_THAT(result.err, Contains("diverged") && Contains("learning rate"));
  const json last = lines_of(run).back();
  REQUIRE(last.contains("diverged"));
  CHECK_THAT(last["diverged"].get<std::string>(), Contains("the run diverged"));
  CHECK_THAT(text_of(run + "/report.html"), Contains("the run diverged"));
  CHECK_THAT(run_kantor({"report", run, "--out", folder / "r.html"}).out, Contains("diverged: step"));
  check_refused(tiny_training(run), 3, {"holds a run already"});
  const ProgramResult slower = run_kantor(resume(run, {"--set", "critic.learning_rate=1e-7", "--quiet"}));
  INFO(slower.err);
  CHECK(slower.code == 0);
  CHECK(lines_of(run).back()["step"] == 30);
  CHECK_FALSE(lines_of(run).back().contains("diverged"));
}

TEST_CASE("faults: compare goes on after an arm that diverges, reports all, and exits 5") {
  const ProgramFolder folder;
  const std::string all = folder / "all";
  const Words three{"--constraint", "clip", "--constraint", "penalty", "--constraint", "r1"};
  const Words steep{"--set", "critic.learning_rate=1e10", "--set", "train.steps=5"};
  const ProgramResult result = run_kantor(comparison(all, three + steep));
  INFO(result.err << result.out);
  CHECK(result.code == 5);
  for (const char* run : {"clip-1", "penalty-1", "r1-1"}) CHECK_FALSE(lines_of(fs::path(all) / run).empty());
  CHECK(lines_of(all + "/clip-1").back()["step"] == 5);
  CHECK(lines_of(all + "/penalty-1").back().contains("diverged"));
  CHECK_THAT(result.out, Contains("clip") && Contains("r1") && Contains("penalty diverged: step"));
  CHECK_THAT(text_of(all + "/report.html"), Contains("the run diverged"));
  const auto before = snapshot(all);
  check_refused(comparison(all, three), 3, {"holds a comparison already", "--resume"});
  CHECK(snapshot(all) == before);
  CHECK(run_kantor({"compare", "--resume", "--out", all, "--quiet"}).code == 5);  // all have ended: nothing is trained
  CHECK(text_of(newest(all + "/clip-1")) == before.at(newest(all + "/clip-1").string()));
  CHECK(text_of(all + "/penalty-1/metrics.jsonl") == before.at(all + "/penalty-1/metrics.jsonl"));
}

TEST_CASE("faults: compare --resume leaves finished arms, goes on with others, and trains those that are missing") {
  const ProgramFolder folder;
  const std::string all = folder / "all";
  const Words steps{"--set", "train.steps=300", "--set", "checkpoint.every=1000"};
  Program program(comparison(all, steps + Words{"--constraint", "clip", "--constraint", "penalty", "--jobs", "1"}));
  REQUIRE(wait_for([&] { return fs::exists(all + "/clip-1/samples/step-0000015.png"); }));
  program.send(SIGINT);
  CHECK(program.wait(20) == 130);
  CHECK(fs::exists(all + "/report.html"));
  CHECK(fs::exists(all + "/penalty-1/config.toml"));
  CHECK_FALSE(fs::exists(all + "/penalty-1/metrics.jsonl"));
  check_refused({"compare", "--resume", "--out", all, "--set", "critic.width=9"}, 2, {"critic.width is 8"});
  check_refused({"compare", "--resume", "--out", all, "--constraint", "r1"}, 2, {"r1-1", "train.batch is 16"});
  check_refused({"compare", "--resume", "--out", folder / "none"}, 3, {"no comparison"});
  const ProgramResult result = run_kantor({"compare", "--resume", "--out", all, "--quiet"});
  INFO(result.err);
  CHECK(result.code == 0);
  for (const char* run : {"clip-1", "penalty-1"}) CHECK(lines_of(fs::path(all) / run).back()["step"] == 300);
  const std::string clipped = text_of(newest(all + "/clip-1"));
  const ProgramResult more = run_kantor(comparison(all, steps + Words{"--resume", "--constraint", "r1"}));
  INFO(more.err);
  CHECK(more.code == 0);
  CHECK(lines_of(all + "/r1-1").back()["step"] == 300);
  CHECK(text_of(newest(all + "/clip-1")) == clipped);
  CHECK_THAT(text_of(all + "/report.html"), Contains("\"constraint\":\"clip\"") && Contains("\"constraint\":\"r1\""));
}

TEST_CASE("faults: one constraint and seed twice in a comparison is refused") {
  const ProgramFolder folder;
  check_refused(comparison(folder / "all", {"--seed", "1", "--seed", "1"}), 2, {"named twice"});
  CHECK_FALSE(fs::exists(folder / "all"));
}

TEST_CASE("faults: batch norm that would see one value a channel is refused") {
  const ProgramFolder folder;
  for (const char* network : {"generator", "critic"}) {
    const std::string key = std::string(network) + ".norm";
    check_refused(tiny_training(folder / "run", {"--set", key + "=batch", "--set", "train.batch=1"}), 2,
                  {key + " = batch", "train.batch = 1", "one value a channel"});
  }
  CHECK_FALSE(fs::exists(folder / "run"));
}

TEST_CASE("faults: mlp trains pictures of any channels, as the message says; a refused start blocks no folder") {
  const ProgramFolder folder;
  for (const auto& [channels, shown] : {std::pair{2, 1}, std::pair{4, 3}, std::pair{5, 3}}) {
    const std::string data = pictures(folder, 4, channels, 8), run = folder / ("run" + std::to_string(channels));
    check_refused(picture_training(run, data), 2, {"--set generator.network=mlp --set critic.network=mlp"});
    CHECK_FALSE(fs::exists(run));
    const ProgramResult result = run_kantor(picture_training(run, data, mlp_networks));
    INFO(result.err);
    REQUIRE(result.code == 0);
    CHECK(read_png(run + "/samples/step-0000001.png").channels == shown);
    REQUIRE(run_kantor({"sample", newest(run).string(), "--count", "3", "--out", run + "/s.png"}).code == 0);
    CHECK(read_png(run + "/s.png").channels == shown);
    REQUIRE(run_kantor({"sample", newest(run).string(), "--count", "3", "--out", run + "/s.npy"}).code == 0);
    CHECK(read_npy(run + "/s.npy").shape() == Shape{3, channels, 8, 8});
  }
}

TEST_CASE("faults: mlp trains pictures of 512 x 512, in a smaller grid") {
  const ProgramFolder folder;
  const ProgramResult result = run_kantor(picture_training(folder / "run", pictures(folder, 2, 1, 512), mlp_networks));
  INFO(result.err);
  REQUIRE(result.code == 0);
  const Image grid = read_png(folder / "run/samples/step-0000001.png");
  CHECK(grid.width == 4 * 513 + 1);
  CHECK(grid.height == grid.width);
}

TEST_CASE("faults: a run that failed before its first step does not block its folder") {
  const ProgramFolder folder;
  const std::string run = folder / "run";
  REQUIRE(run_kantor(tiny_training(run, {"--set", "train.steps=0"})).code == 0);  // leaves the line of step 0 alone
  const ProgramResult result = run_kantor(tiny_training(run));
  INFO(result.err);
  CHECK(result.code == 0);
  CHECK(lines_of(run).front()["step"] == 0);
  CHECK(lines_of(run).back()["step"] == 30);
}

TEST_CASE("faults: networks beyond the machine's memory are refused with figures") {
  const ProgramFolder folder;
  check_refused(tiny_training(folder / "run", {"--set", "critic.width=65536", "--set", "critic.depth=1000"}), 2,
                {"GB", "are free", "critic.width"});
  CHECK_FALSE(fs::exists(folder / "run"));
}

TEST_CASE("faults: sample checks name and size before it works, and sample k does not depend on the count") {
  const ProgramFolder folder;
  check_refused({"sample", folder / "absent.safetensors", "--out", "x.txt"}, 2, {"--out x.txt", ".npy"});
  REQUIRE(run_kantor(tiny_training(folder / "plane")).code == 0);
  const std::string plane = newest(folder / "plane").string();
  check_refused({"sample", plane, "--out", folder / "x.png"}, 2, {"no images", ".npy"});
  const auto drawn = [&](int count) {
    const std::string out = folder / (std::to_string(count) + ".npy");
    REQUIRE(run_kantor({"sample", plane, "--count", std::to_string(count), "--out", out}).code == 0);
    return read_npy(out).to_vector<float>();
  };
  const std::vector<float> few = drawn(7), many = drawn(200);
  CHECK(std::equal(few.begin(), few.end(), many.begin()));
  CHECK(many.size() == 400);

  REQUIRE(run_kantor(picture_training(folder / "images", pictures(folder, 4, 3, 32), mlp_networks)).code == 0);
  const std::string images = newest(folder / "images").string();
  check_refused({"sample", images, "--count", "170000", "--out", folder / "x.png"}, 2,
                {"--count 170000", "at most", ".npy"});
  for (const auto& entry : fs::directory_iterator(folder.path)) CHECK(entry.path().filename() != "x.png");
}

TEST_CASE("faults: an unknown subcommand is named, with those that are known") {
  check_refused({"w1", "a", "b"}, 2, {"unknown subcommand 'w1'", "train, compare, study"});
  check_refused({"smaple", "x"}, 2, {"unknown subcommand 'smaple'", "did you mean sample?"});
  check_refused({"bench", "clip"}, 2, {"unknown subcommand 'clip'", "clip-vs-penalty"});
}

TEST_CASE("faults: exact W1 of many points takes memory for the points, not for their square") {
  constexpr size_t n = 3000;  // a matrix of costs alone would take 72 MB
  HostRandom random(5, 1);
  std::vector<float> a(2 * n), b(2 * n);
  for (float& x : a) x = static_cast<float>(random.normal());
  for (float& x : b) x = static_cast<float>(random.normal() + 1);
  std::ofstream("/proc/self/clear_refs") << "5";  // from now on VmHWM is the peak
  const auto peak = [] {
    std::ifstream status("/proc/self/status");
    long kilobytes = 0;
    for (std::string word; status >> word;) {
      if (word == "VmHWM:") status >> kilobytes;
    }
    return kilobytes;
  };
  const long before = peak();
  const Transport transport = solve_transport(a, b, 2);
  CHECK(peak() - before < 20'000);
  std::vector<bool> taken(n);
  for (const int64_t j : transport.match) {
    REQUIRE_FALSE(taken[static_cast<size_t>(j)]);
    taken[static_cast<size_t>(j)] = true;
  }
  CHECK(transport.distance > 1);
}
