// What the page asks and what it gets: JSON, and arrays of numbers beside it.
#pragma once

#include "engine/error.h"

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace kantor::lab {

using nlohmann::json;

/// The answer to one question. Its arrays stay where they are until the next answer.
struct Answer {
  json fields = json::object();
  std::map<std::string, std::vector<float>> arrays;
  std::map<std::string, std::vector<int32_t>> integers;
};

/// An error that one of the models causes.
struct ArmError : Error {
  ArmError(size_t which, const std::string& text) : Error(text), arm(which) {}
  size_t arm;
};

class Session;
/// A question of the page: it reads the request's arguments and fills the answer. Throws Error.
using Question = void (*)(Session& session, const json& request, Answer& answer);

// One file each; see the table in README.md beside this folder.
void describe(Session& session, const json& request, Answer& answer);
void open(Session& session, const json& request, Answer& answer);
void train(Session& session, const json& request, Answer& answer);
void evaluate(Session& session, const json& request, Answer& answer);
void frame(Session& session, const json& request, Answer& answer);
void units(Session& session, const json& request, Answer& answer);
void unit(Session& session, const json& request, Answer& answer);
void kept(Session& session, const json& request, Answer& answer);
void back(Session& session, const json& request, Answer& answer);
void slow(Session& session, const json& request, Answer& answer);
void slow_apply(Session& session, const json& request, Answer& answer);
void random(Session& session, const json& request, Answer& answer);
void parameters(Session& session, const json& request, Answer& answer);

/// The parts of a frame that can be asked for.
json frame_parts();

/// An argument of a request that must be there and be a whole number in [low, high]. Throws Error naming it.
int64_t whole_number(const json& request, const char* name, int64_t low, int64_t high);

}  // namespace kantor::lab
