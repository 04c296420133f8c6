// Studies: the runner (what is kept, tried again, stopped), and every study in a tiny setting.
#include "models/files/folder_lock.h"
#include "models/lipschitz/constraint.h"
#include "models/studies/all.h"
#include "models/studies/framework/outcomes.h"
#include "models/studies/framework/runner.h"
#include "models/studies/framework/text.h"
#include "tests/paths.h"
#include "tests/program.h"
#include "tests/quarters.h"

#include <algorithm>
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

/// One arm whose number is its seed times a factor; the training of the seed `diverging` diverges.
Study planted(double factor = 1, int64_t diverging = 0) {
  const auto arms = [=](const StudySettings&) {
    return std::vector<Arm>{{.name = "a", .config = {{"train.batch", 8}}, .more = {{"factor", factor}}}};
  };
  const auto run = [=](const json& settings, Device, const fs::path&) -> json {
    if (settings.at("seed") == diverging) throw NonFiniteError("step 3: the run diverged");
    return {{"value", settings.at("seed").get<double>() * settings.at("factor").get<double>()}};
  };
  const auto conclude = [](const std::vector<Outcome>& all, const StudySettings& s) {
    return Conclusion{.findings = {judge("value", values_of(all, "a", "value"), {.low = -100}, s.needed())},
                      .figures = {{"chart.svg", "a caption", {.title = "a title"}},
                                  {"gone.png", "a picture that is not there", {.title = "gone"}, "a-1/gone.png"}}};
  };
  return {"planted", "Planted", "A <claim>.", arms, run, conclude};
}

/// Runs a planted study in `out`; the runs of `failing` end by `end` instead. Returns which were started.
struct Trial {
  RunnerResult result;
  std::vector<std::string> started;
  std::vector<RunnerOptions::Progress> shown;
  json written;
};
Trial try_out(const Study& study, const fs::path& out, const std::string& failing = "", const std::string& end = "") {
  Trial trial;
  RunnerOptions options;
  options.out = out;
  options.device = "cpu";
  options.jobs = 2;
  options.command = [&](const Study& s, const fs::path& folder, const std::string&) -> std::vector<std::string> {
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

}  // namespace

TEST_CASE("studies: finished runs are kept, others are done; another setting is another run") {
  const ProgramFolder folder;
  Study study = planted();
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
  study = planted(2);
  CHECK(try_out(study, folder.path).written["findings"][0]["ours"]["mean"] == 4.0);
}

TEST_CASE("studies: a failing run is told by name with its output, leaves the rest, and is tried again") {
  const ProgramFolder folder;
  const Study study = planted();
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
  const Study study = planted(1, 2);
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
  const Study study = planted();
  RunnerOptions options;
  options.out = folder.path;
  options.device = "cpu";
  int asked = 0;
  options.command = [](const Study&, const fs::path&, const std::string&) {
    return std::vector<std::string>{"/bin/sleep", "1000"};
  };
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
  for (const Study& study : studies()) {
    INFO(study.name);
    const fs::path place = fs::path(out) / study.name;
    const json concluded = json::parse(text_of(place / "result.json"));
    CHECK(concluded["verdict"] == "unclear");  // two seeds are too few, whatever they give
    CHECK(concluded["missing"].empty());
    CHECK(concluded["runs"] == study.runs({Scale::tiny, 2, 1}).size());
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
    CHECK_THAT(page, Contains("<section id=\"" + study.name + "\""));
    CHECK_THAT(result.out, Contains(study.name));
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
    for (const auto& [result, text] : before) CHECK(text_of(result) == text);  // not repeated: it contains its seconds
  }
}

TEST_CASE("studies: further constraints stand beside each study's own, unjudged") {
  const auto judged_lines = [](const Conclusion& conclusion) {
    return std::count_if(conclusion.findings.begin(), conclusion.findings.end(),
                         [](const Finding& finding) { return finding.bar.has_value(); });
  };
  const StudySettings alone{.scale = Scale::tiny};
  StudySettings with_all = alone;
  with_all.constraints = constraint_kinds();
  for (const Study& study : studies()) {
    INFO(study.name);
    std::set<std::string> own, shown;
    for (const Arm& arm : study.arms(alone)) {
      CHECK_FALSE(arm.further);
      CHECK_FALSE(arm.label.empty());
      CHECK(own.insert(arm.name).second);
    }
    const Conclusion conclusion = study.conclude({}, with_all);
    CHECK(judged_lines(conclusion) == judged_lines(study.conclude({}, alone)));
    for (const Arm& arm : study.arms(with_all)) {
      CHECK(arm.further == (!own.contains(arm.name)));
      if (!arm.further) continue;
      shown.insert(arm.label);
      CHECK(std::any_of(conclusion.findings.begin(), conclusion.findings.end(), [&](const Finding& finding) {
        return finding.what.ends_with(", " + arm.label) && !finding.bar;
      }));
    }
    CHECK_FALSE(shown.empty());
  }
}

TEST_CASE("studies: further constraints are trained, each once, and what is there already is not added") {
  const ProgramFolder folder;
  const std::string out = folder / "out";
  std::vector<std::string> command = tiny_study("pile-up", out);
  command.insert(command.end(), {"--seeds", "1", "--constraints", "all"});
  const ProgramResult result = run_kantor(command);
  INFO(result.err);
  REQUIRE(result.code == 0);
  for (const json& finding : json::parse(text_of(out + "/pile-up/result.json"))["findings"]) {
    INFO(finding.dump());
    CHECK(finding.contains("ours"));
  }
  const ProgramResult list = run_kantor(
      {"study", "gradient-norm", "--quick", "--seeds", "1", "--list", "--constraints", "penalty", "r1", "r1"});
  CHECK_THAT(list.out, Contains("\"arm\":\"r1\""));
  CHECK(std::count(list.out.begin(), list.out.end(), '\n') == 5);  // the penalty is there already, r1 counts once
  check_refused({"study", "pile-up", "--constraints", "r3"}, 2, {"r3"});
}

TEST_CASE("studies: each has a section in docs/studies.md, and the documentation has no other") {
  const std::string docs = text_of(source_folder() / "docs/studies.md");
  for (const Study& study : studies()) {
    INFO(study.name);
    CHECK_THAT(docs, Contains("\n## `" + study.name + "`: "));
  }
  size_t sections = 0;
  for (size_t at = docs.find("\n## `"); at != std::string::npos; at = docs.find("\n## `", at + 1)) ++sections;
  CHECK(sections == studies().size());
}

TEST_CASE("studies: texts are filled by name, and a name that is not given is an error") {
  CHECK(fill("{width} ReLU, {width} {rate:g}", arg("width", 512), arg("rate", 1e-3)) == "512 ReLU, 512 0.001");
  CHECK_THROWS_AS(fill("{width}", arg("depth", 3)), fmt::format_error);
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
