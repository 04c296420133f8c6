#include "tests/lab_session.h"

#include "tests/catch.h"
#include "tests/paths.h"
#include "tests/program.h"

#include <cmath>
#include <cstdlib>
#include <fmt/format.h>

namespace kantor {

using nlohmann::json;

bool lab_engine_runs() {
  static const bool runs =
      std::filesystem::exists(lab_engine_path()) && std::system("node --version > /dev/null 2>&1") == 0;
  if (!runs) WARN("not checked: the lab's engine needs emscripten when it is built, and node here");
  return runs;
}

json ask(const json& questions) {
  const ProgramFolder folder;
  const std::string answers = folder / "answers.json";
  const std::string command =
      fmt::format("node '{}' '{}' '{}' '{}'", (source_folder() / "tests/lab/ask.js").string(),
                  lab_engine_path().string(), folder.file("questions.json", questions.dump()), answers);
  REQUIRE(std::system(command.c_str()) == 0);
  return json::parse(text_of(answers));
}

json question(const char* op, json arguments) {
  arguments["op"] = op;
  return arguments;
}

json opened(const std::vector<json>& arms) {
  return question("open", json::object({{"arms", arms}}));
}

void ask_parameters(json& questions) {
  for (const int arm : {0, 1}) questions.push_back(question("parameters", settings("arm", arm)));
}

std::vector<json> clipped_and_penalised() {
  return {settings("critic.constraint", "clip"), settings("critic.constraint", "penalty")};
}

std::vector<float> array(const json& answer, const std::string& name) {
  std::vector<float> values;
  for (const json& value : answer.at("arrays").at(name)) values.push_back(value.is_null() ? NAN : value.get<float>());
  return values;
}

}  // namespace kantor
