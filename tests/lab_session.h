// A session with the lab's engine in WebAssembly, for tests: questions, and what is in the answers.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kantor {

/// Whether this machine can run the engine; where it cannot, the test says so and ends.
bool lab_engine_runs();

/// The engine's answers to the questions, asked in one session.
nlohmann::json ask(const nlohmann::json& questions);

nlohmann::json question(const char* op, nlohmann::json arguments = nlohmann::json::object());
/// Opens models with these settings.
nlohmann::json opened(const std::vector<nlohmann::json>& arms);
/// Every question about both models' parameters.
void ask_parameters(nlohmann::json& questions);

/// Settings: one key and its value, or none.
inline nlohmann::json settings() {
  return nlohmann::json::object();
}
template <class T>
nlohmann::json settings(const char* key, const T& value) {
  nlohmann::json object = nlohmann::json::object();
  object[key] = value;
  return object;
}
/// The settings of a clipped model and of a penalised one.
std::vector<nlohmann::json> clipped_and_penalised();

/// An array of an answer; what JSON has as null is NaN.
std::vector<float> array(const nlohmann::json& answer, const std::string& name);

}  // namespace kantor
