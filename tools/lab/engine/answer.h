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

/// Every question; README.md beside this folder says what each asks. A new one is a function in a file, and its name
/// here.
#define KANTOR_LAB_QUESTIONS(X) \
  X(describe)                   \
  X(open)                       \
  X(change)                     \
  X(train)                      \
  X(evaluate)                   \
  X(frame)                      \
  X(units)                      \
  X(unit)                       \
  X(kept)                       \
  X(back)                       \
  X(slow)                       \
  X(slow_apply)                 \
  X(random)                     \
  X(parameters)

#define KANTOR_DECLARE(name) void name(Session& session, const json& request, Answer& answer);
KANTOR_LAB_QUESTIONS(KANTOR_DECLARE)
#undef KANTOR_DECLARE

/// The parts of a frame that can be asked for.
json frame_parts();

/// An argument of a request that must be there and be a whole number in [low, high]. Throws Error naming it.
int64_t whole_number(const json& request, const char* name, int64_t low, int64_t high);

}  // namespace kantor::lab
