// Studies: the rule of their verdicts on planted numbers, the runner (what is kept, tried again, stopped), and every
// study in a tiny setting.
#include "models/files/files.h"
#include "models/files/folder_lock.h"
#include "models/metrics/interval.h"
#include "models/metrics/wasserstein.h"
#include "models/studies/arms.h"
#include "models/studies/runner.h"
#include "tests/paths.h"
#include "tests/program.h"
#include "tests/quarters.h"

#include <cmath>
#include <csignal>
#include <fstream>
#include <map>
#include <set>
#include <utility>
#include <vector>

using namespace kantor;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

/// One arm whose number is its seed.
class Planted final : public Study {
 public:
  [[nodiscard]] std::string name() const override { return "planted"; }
  [[nodiscard]] std::string title() const override { return "Planted"; }
  [[nodiscard]] std::string claim() const override { return "A <claim>."; }
  [[nodiscard]] std::vector<StudyRun> runs(const StudySettings& s) const override {
    return every_seed({{"a", {{"train.batch", 8}}, {{"factor", factor}}}}, s);
  }
  [[nodiscard]] json run(const json& settings, Device, const fs::path&) const override {
    if (settings.at("seed") == diverging) throw NonFiniteError("step 3: the run diverged");
    return {{"value", settings.at("seed").get<double>() * settings.at("factor").get<double>()}};
  }
  [[nodiscard]] Conclusion conclude(const std::vector<Outcome>& all, const StudySettings& s) const override {
    Conclusion result;
    result.findings = {judge("value", values_of(all, "a", "value"), {.low = -100}, s.needed())};
    result.figures = {{"chart.svg", "a caption", {.title = "a title"}},
                      {"gone.png", "a picture that is not there", {.title = "gone"}, "a-1/gone.png"}};
    return result;
  }
  double factor = 1;
  int64_t diverging = 0;  // the seed whose training diverges
};

/// Runs a planted study in `out`; the runs of `failing` end by `end` instead. Tells which were started.
struct Trial {
  RunnerResult result;
  std::vector<std::string> started;
  std::vector<RunnerOptions::Progress> shown;
  json written;
};
Trial try_out(const Planted& study, const fs::path& out, const std::string& failing = "", const std::string& end = "") {
  Trial trial;
  RunnerOptions options;
  options.out = out;
  options.device = "cpu";
  options.jobs = 2;
  options.command = [&](const Study& s, const fs::path& folder) -> std::vector<std::string> {
    trial.started.push_back(folder.filename().string());
    if (folder.filename() == failing) return {"/bin/sh", "-c", end};
    execute_run(s, {}, folder);
    return {"/bin/true"};
  };
  options.on_run = [&](const RunnerOptions::Progress& p) { trial.shown.push_back(p); };
  trial.result = run_studies({&study}, options);
  trial.written = json::parse(text_of(out / "planted/result.json"));
  return trial;
}

std::vector<std::string> tiny_study(const std::string& name, const std::string& out) {
  return {"study", name, "--tiny", "--out", out, "--jobs", "2", "--threads", "2"};
}

Verdict judged(const std::vector<double>& values, const Bar& bar, int64_t needed = 3) {
  return judge("x", values, bar, needed).verdict;
}

}  // namespace

TEST_CASE("studies: Student's t and the interval of a mean") {
  // Critical values of 95 % from any table of the distribution.
  for (const auto& [degrees, t] : {std::pair{1, 12.7062}, std::pair{2, 4.30265}, std::pair{3, 3.18245},
                                   std::pair{4, 2.77645}, std::pair{9, 2.26216}, std::pair{30, 2.04227}}) {
    CHECK(student_probability(t, degrees) == Approx(0.95).epsilon(1e-6));
  }
  const std::vector<double> values{1, 2, 6};
  const Interval interval = confidence_interval(values);
  CHECK(interval.mean == Approx(3));
  CHECK(interval.high - 3 == Approx(4.30265 * std::sqrt(7.0 / 3)).epsilon(1e-5));
  CHECK(3 - interval.low == Approx(interval.high - 3));
  CHECK(std::isinf(confidence_interval(std::vector<double>{4}).high));
  const Interval equal = confidence_interval(std::vector<double>{0.5, 0.5, 0.5});
  CHECK(equal.low == 0.5);
  CHECK(equal.high == 0.5);
  CHECK_THROWS_AS(confidence_interval(std::vector<double>{}), ShapeError);
  CHECK_THROWS_AS(confidence_interval(std::vector<double>{1, NAN}), NonFiniteError);
}

TEST_CASE("studies: a verdict is the place of the interval against the bar") {
  const Bar half{.low = 0.5};
  CHECK(judged({0.60, 0.61, 0.62}, half) == Verdict::shown);
  CHECK(judged({0.30, 0.31, 0.32}, half) == Verdict::not_shown);
  CHECK(judged({0.45, 0.60, 0.75}, half) == Verdict::unclear);  // the mean is above, the interval across
  CHECK(judged({0.9, 0.9}, half) == Verdict::unclear);          // too few seeds
  CHECK(judged({0.9}, half, 1) == Verdict::unclear);            // never by one run
  CHECK(judged({}, half) == Verdict::unclear);
  CHECK(judged({0.6, 0.61, 0.62, 0.6}, half, 5) == Verdict::unclear);
  CHECK(judged({1.0, 1.01, 0.99}, {0.9, 1.1}) == Verdict::shown);
  CHECK(judged({1.3, 1.31, 1.29}, {0.9, 1.1}) == Verdict::not_shown);
  CHECK(judged({1.08, 1.1, 1.12}, {0.9, 1.1}) == Verdict::unclear);
  CHECK(judged({0, 0, 0}, {.high = 0.01}) == Verdict::shown);

  const Finding good = judge("", std::vector<double>{1, 1, 1}, half, 3),
                bad = judge("", std::vector<double>{0, 0, 0}, half, 3);
  const Finding open = judge("", std::vector<double>{1}, half, 3), seen = observe("", std::vector<double>{0});
  CHECK(overall({good, seen, good}) == Verdict::shown);
  CHECK(overall({good, open}) == Verdict::unclear);
  CHECK(overall({good, open, bad}) == Verdict::not_shown);
  CHECK(overall({seen}) == Verdict::unclear);
}

TEST_CASE("studies: numbers are gathered by arm and paired by seed") {
  std::vector<Outcome> all;
  for (const int seed : {1, 2}) {
    for (const char* arm : {"a", "b"}) {
      all.push_back({"",
                     {{"arm", arm}, {"seed", seed}},
                     {{"v", seed * (*arm == 'a' ? 10 : 1)}, {"c", {{"x", {0, 1}}, {"y", {seed, nullptr}}}}}});
    }
  }
  all[3].numbers["v"] = nullptr;  // not measured
  CHECK(values_of(all, "a", "v") == std::vector<double>{10, 20});
  CHECK(values_of(all, "b", "v") == std::vector<double>{1});
  CHECK(differences(all, "a", "b", "v") == std::vector<double>{9});
  const Series curve = mean_curve(all, {"a", "label", 3}, "c");
  CHECK(curve.y[0] == 1.5);
  CHECK(std::isnan(curve.y[1]));
}

TEST_CASE("studies: the best matching, and W1 by it") {
  const std::vector<float> a{0, 0, 10, 0, 0, 10}, b{0, 11, 1, 0, 10, 1};
  const Transport transport = optimal_transport(a, b, 2);
  CHECK(transport.match == std::vector<int64_t>{1, 2, 0});
  CHECK(transport.distance == Approx(1));
  CHECK(wasserstein1(a, b, 2) == transport.distance);
  CHECK(optimal_transport(a, a, 2).match == std::vector<int64_t>{0, 1, 2});
}

TEST_CASE("studies: finished runs are kept, others are done; another setting is another run") {
  const ProgramFolder folder;
  Planted study;
  const Trial first = try_out(study, folder.path);
  CHECK(first.started == std::vector<std::string>{"a-1", "a-2", "a-3"});
  CHECK(first.result.failed == 0);
  CHECK(first.written["verdict"] == "shown");
  CHECK(first.written["findings"][0]["ours"]["mean"] == 2.0);
  CHECK(fs::exists(folder.path / "planted/figures/chart.svg"));
  CHECK(first.written["figures"].size() == 1);
  const Trial second = try_out(study, folder.path);
  CHECK(second.started.empty());
  CHECK(second.written == first.written);
  fs::remove(folder.path / "planted/runs/a-2/result.json");
  CHECK(try_out(study, folder.path).started == std::vector<std::string>{"a-2"});
  std::ofstream(folder.path / "planted/runs/a-3/result.json") << "{\"cut";
  CHECK(try_out(study, folder.path).started == std::vector<std::string>{"a-3"});
  study.factor = 2;
  CHECK(try_out(study, folder.path).written["findings"][0]["ours"]["mean"] == 4.0);
}

TEST_CASE("studies: a failing run is told by name with its output, leaves the rest, and is tried again") {
  const ProgramFolder folder;
  const Planted study;
  for (const auto& [end, failure] :
       {std::pair{"echo boom >&2; exit 3", "exit code 3"}, std::pair{"echo boom; kill -9 $$", "killed by signal 9"},
        std::pair{"echo boom", "no result"}}) {
    const Trial trial = try_out(study, folder.path, "a-2", end);
    INFO(failure);
    CHECK(trial.result.failed == 1);
    CHECK(trial.written["missing"] == json{"a-2"});
    CHECK(trial.written["verdict"] == "unclear");
    bool told = false;
    for (const auto& p : trial.shown) told |= p.id == "a-2" && p.failure == failure && p.log == "boom\n";
    CHECK(told);
  }
  const Trial again = try_out(study, folder.path);
  CHECK(again.started == std::vector<std::string>{"a-2"});
  CHECK(again.written["verdict"] == "shown");
}

TEST_CASE("studies: a run that diverges is a result: named, left out of the verdict, not tried again") {
  const ProgramFolder folder;
  Planted study;
  study.diverging = 2;
  const Trial trial = try_out(study, folder.path);
  CHECK(trial.result.failed == 0);
  CHECK(trial.result.diverged == 1);
  CHECK(trial.written["missing"].empty());
  REQUIRE(trial.written["diverged"].size() == 1);
  CHECK(trial.written["diverged"][0]["id"] == "a-2");
  CHECK_THAT(trial.written["diverged"][0]["reason"].get<std::string>(), Contains("step 3"));
  CHECK(trial.written["findings"][0]["ours"]["seeds"] == 2);
  const Trial again = try_out(study, folder.path);
  CHECK(again.started.empty());
  CHECK(again.result.diverged == 1);
  CHECK(json::parse(text_of(folder / "planted/runs/a-2/result.json"))["diverged"] == "step 3: the run diverged");
}

TEST_CASE("studies: a stop ends the running and starts no more; one runner writes to a folder") {
  const ProgramFolder folder;
  const Planted study;
  RunnerOptions options;
  options.out = folder.path;
  options.device = "cpu";
  int asked = 0;
  options.command = [](const Study&, const fs::path&) { return std::vector<std::string>{"/bin/sleep", "1000"}; };
  options.should_stop = [&] { return ++asked > 3; };
  CHECK(run_studies({&study}, options).interrupted);
  CHECK_FALSE(fs::exists(folder.path / "planted/result.json"));
  const FolderLock held(folder.path);
  CHECK_THROWS_WITH(run_studies({&study}, options), Contains("another process"));
}

TEST_CASE("studies: every study runs, concludes and stands in the report") {
  const ProgramFolder folder;
  const std::string out = folder / "out";
  write_quarters(folder / "images", 16);
  std::vector<std::string> arguments = tiny_study("all", out);
  arguments.insert(arguments.end(), {"--images", folder / "images"});
  const ProgramResult result = run_kantor(arguments);
  INFO(result.err);
  REQUIRE(result.code == 0);
  const std::string page = text_of(out + "/report.html");
  CHECK(page.find("<script") == std::string::npos);
  CHECK(page.find("src=\"http") == std::string::npos);
  for (const auto& study : studies()) {
    INFO(study->name());
    const fs::path place = fs::path(out) / study->name();
    const json concluded = json::parse(text_of(place / "result.json"));
    CHECK(concluded["verdict"] == "unclear");  // two seeds are too few, whatever they give
    CHECK(concluded["missing"].empty());
    CHECK(concluded["runs"] == study->runs({Scale::tiny, 2, 1}).size());
    for (const char* text : {"method", "meaning", "limits"}) CHECK_FALSE(concluded[text].empty());
    bool any_judged = false;
    for (const json& finding : concluded["findings"]) {
      INFO(finding.dump());
      any_judged |= finding.contains("bar");
      CHECK(finding.contains("ours"));
    }
    CHECK(any_judged);
    REQUIRE_FALSE(concluded["figures"].empty());
    for (const json& figure : concluded["figures"]) {
      CHECK(fs::file_size(place / figure["file"].get<std::string>()) > 500);
      CHECK_FALSE(figure["caption"].get<std::string>().empty());
    }
    CHECK_THAT(page, Contains("<section id=\"" + study->name() + "\""));
    CHECK_THAT(result.out, Contains(study->name()));
  }
}

TEST_CASE("studies: killed at any moment, a study goes on with what was finished; Ctrl-C exits 130") {
  const ProgramFolder folder;
  const std::string out = folder / "out";
  const fs::path runs = fs::path(out) / "pile-up/runs";
  const auto finished = [&] {
    std::vector<fs::path> found;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(runs, none)) {
      if (fs::exists(entry.path() / "result.json")) found.push_back(entry.path() / "result.json");
    }
    return found;
  };
  for (const auto& [signal, code] : {std::pair{SIGKILL, 137}, std::pair{SIGINT, 130}, std::pair{SIGTERM, 143}}) {
    fs::remove_all(out);
    Program program(tiny_study("pile-up", out));
    REQUIRE(wait_for([&] { return !finished().empty(); }));
    program.send(signal);
    CHECK(program.wait(20) == code);
    std::map<fs::path, std::string> before;
    for (const fs::path& result : finished()) before[result] = text_of(result);
    const ProgramResult resumed = run_kantor(tiny_study("pile-up", out));
    INFO(resumed.err);
    CHECK(resumed.code == 0);
    CHECK(finished().size() == 6);
    for (const auto& [result, text] : before) CHECK(text_of(result) == text);  // not done again: its seconds are in it
  }
}

TEST_CASE("studies: further constraints stand beside a study's own, unjudged") {
  const ProgramFolder folder;
  const std::string out = folder / "out";
  for (const char* name : {"pile-up", "gradient-norm", "knife-edge"}) {
    std::vector<std::string> command = tiny_study(name, out);
    command.insert(command.end(), {"--seeds", "1", "--constraints", "all"});
    const ProgramResult result = run_kantor(command);
    INFO(result.err);
    REQUIRE(result.code == 0);
    const json concluded = json::parse(text_of(out + "/" + name + "/result.json"));
    std::set<std::string> shown;
    for (const json& finding : concluded["findings"]) {
      for (const char* kind : {"one-sided", "r1", "r2", "dragan", "spectral", "weight-norm", "groupsort", "none"}) {
        const auto what = finding["what"].get<std::string>();
        if (!what.ends_with(std::string(", ") + kind)) continue;
        shown.insert(kind);
        CHECK_FALSE(finding.contains("bar"));
        CHECK(finding.contains("ours"));
      }
    }
    CHECK(shown.size() == 8);
  }
  const ProgramResult list = run_kantor(
      {"study", "gradient-norm", "--quick", "--seeds", "1", "--list", "--constraints", "penalty", "r1", "r1"});
  CHECK_THAT(list.out, Contains("\"arm\":\"r1\""));
  CHECK(std::count(list.out.begin(), list.out.end(), '\n') == 5);  // the penalty is there already, r1 counts once
  check_refused({"study", "pile-up", "--constraints", "r3"}, 2, {"r3"});
}

TEST_CASE("studies: the digest of a pair is one for all machines, and that of the published results") {
  // FNV-1a over the float64 values of the pair's files. What is kept under it in bench/results stays finished.
  const std::vector<std::pair<std::string, std::string>> digests{
      {"d2_n4", "bc0e47456a4a7093"},   {"d2_n16", "0608321e96ff071d"},  {"d16_n4", "97556482ba6bbe54"},
      {"d16_n16", "37637a922f0fd998"}, {"d128_n4", "6cd3c52ebbdce898"}, {"d128_n16", "b6877a02d41e34d7"}};
  for (const auto& [pair, digest] : digests) {
    const ProgramResult list =
        run_kantor({"study", "benchmark-w1", "--seeds", "1", "--seed", "101", "--pairs", pair, "--list"});
    CHECK_THAT(list.out, Contains("\"digest\":\"" + digest + "\""));
    const fs::path kept = source_folder() / "bench/results/benchmark-w1/runs" / (pair + "-clip-101");
    CHECK(json::parse(text_of(kept / "result.json"))["settings"]["digest"] == digest);
  }
}

TEST_CASE("studies: pairs can be given by folder, name and seed") {
  const ProgramFolder folder;
  const std::string out = folder / "out", given = source_folder() / "models/data/w1benchmark/d2_n16";
  std::vector<std::string> command = tiny_study("benchmark-w1", out);
  command.insert(command.end(), {"--seeds", "1", "--pairs", given, "d3_n2:5"});
  const ProgramResult result = run_kantor(command);
  INFO(result.err);
  REQUIRE(result.code == 0);
  const json concluded = json::parse(text_of(out + "/benchmark-w1/result.json"));
  std::map<std::string, json> lines;
  for (const json& finding : concluded["findings"]) lines[finding["what"]] = finding;
  CHECK(lines.at("d2_n16: W1 in truth")["published"] == "0.466");
  CHECK(lines.at("d2_n16: W1 in truth")["ours"]["mean"].get<double>() == Approx(0.464).margin(0.004));
  CHECK(lines.at("d2_n16: estimate of W1, GroupSort of whole layers")["published"] == "0.284");
  CHECK(lines.at("d2_n16: estimate of W1, spectral normalization, sigma a constant")["published"] == "0.0786");
  CHECK(lines.at("d2_n16: estimate of W1, spectral normalization")["published"] == "");  // not what was published
  CHECK(lines.at("d3_n2.5: cosine, GroupSort of whole layers")["published"] == "");
  CHECK(fs::exists(out + "/benchmark-w1/figures/d2_n16-optimum.png"));
  CHECK_FALSE(fs::exists(out + "/benchmark-w1/figures/d3_n2.5-optimum.png"));
  check_refused({"study", "benchmark-w1", "--tiny", "--pairs", "d2_n4:1", "d2_n4:1", "--out", out}, 2, {"d2_n4.1"});
  check_refused({"study", "pile-up", "--tiny", "--pairs", "nowhere", "--out", out}, 3, {"nowhere"});
  check_refused({"study", "benchmark-w1", "--tiny", "--pairs", "nowhere", "--out", out}, 3, {"nowhere", "dD_nN:SEED"});
}

TEST_CASE("studies: wrong usage is refused") {
  const ProgramFolder folder;
  check_refused({"study", "pileup"}, 2, {"unknown study 'pileup'", "did you mean pile-up?"});
  check_refused({"study"}, 2, {"name"});
  check_refused({"study", "pile-up", "--device", "quantum", "--out", folder / "a"}, 4, {"quantum"});
  check_refused({"study", "pile-up", "--run", folder / "absent"}, 3, {"settings.json"});
  (void)folder.file("settings.json", R"({"settings": {}})");  // a level too deep
  check_refused({"study", "pile-up", "--run", folder / "."}, 3, {"settings.json", "'config'", "pile-up --list"});
  check_refused({"study", "pile-up", "--tiny", "--out", folder.file("file", "x") + "/a"}, 3, {"cannot make"});
  const ProgramResult list = run_kantor({"study", "all", "--quick", "--list"});
  CHECK(list.code == 0);
  CHECK_THAT(list.out, Contains("\"clip.c\":0.01") && Contains("\"critic.width\":512"));
}
