// The lab: what its engine in WebAssembly takes, refuses and says of it, and the page that holds it.
#include "tests/catch.h"
#include "tests/lab_session.h"
#include "tests/paths.h"
#include "tests/program.h"

#include <cmath>
#include <fmt/format.h>

namespace kantor {

using nlohmann::json;

TEST_CASE("lab: every constraint, loss, optimizer and data set trains and explains itself") {
  if (!lab_engine_runs()) return;
  const json described = ask(json::array({question("describe")}))[0];
  std::vector<json> arms;
  for (const json& constraint : described["constraints"])
    arms.push_back(settings("critic.constraint", constraint["name"]));
  for (const json& loss : described["losses"]) arms.push_back(settings("train.loss", loss["name"]));
  for (const json& optimizer : described["optimizers"]) arms.push_back(settings("critic.optimizer", optimizer));
  for (const char* norm : {"batch", "layer"}) arms.push_back({{"critic.norm", norm}, {"generator.norm", norm}});
  for (const json& data : described["datasets"]) {
    if (data != "file") arms.push_back(settings("data.kind", data));
  }
  json questions = json::array();
  const json& parts = described["parts"];
  for (const json& arm : arms) {
    questions.push_back(opened({arm}));
    questions.push_back(question("train", settings("iterations", 2)));
    questions.push_back(question("slow", {{"arm", 0}, {"sample", 0}}));
    questions.push_back(question("frame", json::object({{"grid", 8}, {"samples", 16}, {"parts", parts}})));
  }
  const json answers = ask(questions);
  for (size_t i = 0; i < answers.size(); ++i) {
    INFO(questions[i].dump() << " of " << arms[i / 4].dump());
    CHECK_FALSE(answers[i].contains("error"));
    if (i % 4 == 2) CHECK(answers[i]["stages"].size() >= 4);
    if (i % 4 == 3) CHECK(answers[i]["arrays"].size() == 1 + parts.size());  // each part, and the real samples
  }
}

TEST_CASE("lab: a model that diverges stops, and the other goes on") {
  if (!lab_engine_runs()) return;
  const json wild{{"critic.constraint", "none"}, {"critic.learning_rate", 1e9}, {"critic.optimizer", "sgd"}};
  const json answers = ask(json::array(
      {opened({wild, settings("critic.constraint", "penalty")}), question("train", settings("iterations", 30))}));
  CHECK(answers[1]["arms"][0]["diverged"].get<std::string>().find("diverged") != std::string::npos);
  CHECK(answers[1]["arms"][1]["diverged"].is_null());
  CHECK(answers[1]["step"] == 30);
  CHECK(std::isfinite(array(answers[1], "estimate1").back()));
  CHECK(std::isnan(array(answers[1], "estimate0").back()));
}

TEST_CASE("lab: what cannot be trained is refused with its reason, and the models before it stay") {
  if (!lab_engine_runs()) return;
  const json small_batch{{"critic.norm", "batch"}, {"train.batch", 1}};
  const auto on = [](const char* data, const json& values) {
    json asked = opened({settings()});
    asked[data] = values;
    return asked;
  };
  const std::vector<std::pair<json, std::string>> cases{
      {opened({settings("clip.c", -1)}), "clip.c = -1: expected a number above 0"},
      {opened({settings("critic.widht", 3)}), "unknown key critic.widht; did you mean critic.width?"},
      {opened({settings("critic.width", 4000)}), "critic.width = 4000: the lab takes at most 512"},
      {opened({small_batch}), "batch"},
      {opened({settings("data.kind", "file")}), "data.path must name the file"},
      {opened({json("[critic]\nwidth = \"x\"")}), "critic.width"},
      {opened({}), "expected one or two configurations"},
      {on("csv", "a,b\n1,x\n"), "the table"},
      {on("csv", "1,2,3\n4,5,6\n"), "3 columns, expected two"},
      {on("points", json::array({1, 2})), "expected x and y of 16 to"},
      {question("frame", {{"grid", 9999}, {"samples", 16}, {"parts", {"field"}}}), "grid: found 9999"},
      {question("unknown"), "no question 'unknown'"},
      {question("change", {{"arms", json::array({settings("critic.width", 8)})}}),
       "the steps that are done depend on 32"},
      {question("change", {{"arms", json::array({settings("critic.learning_rate", 0)})}}), "critic.learning_rate"},
      {question("change", {{"arms", json::array()}}), "each of the 1 models"}};
  json questions =
      json::array({opened({settings("critic.constraint", "clip")}), question("train", settings("iterations", 2))});
  for (const auto& [asked, message] : cases) questions.push_back(asked);
  questions.push_back(question("train", settings("iterations", 1)));
  const json answers = ask(questions);
  for (size_t i = 0; i < cases.size(); ++i) {
    INFO(cases[i].first.dump());
    CHECK_THAT(answers[2 + i].value("error", "(none)"), Contains(cases[i].second));
  }
  CHECK(answers.back()["step"] == 3);
}

TEST_CASE("lab: drawn points train, with a batch that they can fill") {
  if (!lab_engine_runs()) return;
  std::string table = "x,y\n";
  for (int i = 0; i < 40; ++i) table += fmt::format("{},{}\n", std::cos(i * 0.157), std::sin(i * 0.157));
  json asked = opened({settings()});
  asked["csv"] = table;
  const json answers = ask(json::array(
      {asked, question("train", settings("iterations", 3)), question("evaluate", settings("samples", 32))}));
  CHECK(answers[0]["arms"][0]["values"]["train.batch"] == 40);
  CHECK_THAT(answers[0]["arms"][0]["warnings"].dump(), Contains("batch is 40"));
  CHECK(answers[1]["step"] == 3);
  CHECK(answers[2]["arms"][0]["modes"].is_null());
  CHECK(answers[2]["arms"][0]["w1"].get<double>() > 0);
}

TEST_CASE("lab: the page is one file that holds all it needs") {
  if (!std::filesystem::exists(lab_engine_path())) return;
  const ProgramFolder folder;
  const ProgramResult result = run_kantor({"lab", "--no-open", "--out", folder / "lab.html"});
  REQUIRE(result.code == 0);
  const std::string page = text_of(folder / "lab.html");
  CHECK(page.size() < 4'000'000);
  for (const char* mark : {"<!--kantor:", "http://", "https://"}) {
    const size_t at = page.find(mark);
    INFO(mark << ": " << (at == std::string::npos ? "" : page.substr(at, 80)));
    CHECK((at == std::string::npos || page.compare(at, 18, "http://www.w3.org/") == 0 ||
           page.compare(at, 19, "https://www.chartjs") == 0));
  }
  for (const char* id : {"words", "sources", "recorded", "opened", "worker-text"}) {
    CHECK(page.find(fmt::format("id=\"{}\"", id)) != std::string::npos);
  }
}

TEST_CASE("lab: it opens with the configurations of runs, and refuses what is none") {
  if (!std::filesystem::exists(lab_engine_path())) return;
  const ProgramFolder folder;
  REQUIRE(run_kantor({"train", "--preset", "ring8", "--set", "train.steps=1", "--set", "critic.width=17", "--set",
                      "eval.samples=32", "--quiet", "--out", folder / "run"})
              .code == 0);
  REQUIRE(run_kantor({"lab", folder / "run", "--no-open", "--out", folder / "lab.html"}).code == 0);
  CHECK(text_of(folder / "lab.html").find("width = 17") != std::string::npos);
  const ProgramResult refused = run_kantor({"lab", folder / "nothing", "--no-open", "--out", folder / "other.html"});
  CHECK(refused.code == 3);
  CHECK_THAT(refused.err, Contains("no run here"));
  CHECK_FALSE(std::filesystem::exists(folder / "other.html"));
}

}  // namespace kantor
