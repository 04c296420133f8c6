// The one function that the worker calls: a question as JSON, its answer as JSON, arrays by their place in memory.
#include "tools/lab/engine/answer.h"
#include "tools/lab/engine/session.h"

#include <exception>
#include <fmt/format.h>

namespace kantor::lab {
namespace {

constexpr std::pair<const char*, Question> questions[] = {
#define KANTOR_ROW(name) {#name, name},
    KANTOR_LAB_QUESTIONS(KANTOR_ROW)
#undef KANTOR_ROW
};

void ask(const json& request, Answer& answer) {
  static Session session;
  const std::string op = request.value("op", "");
  for (const auto& [name, question] : questions) {
    if (op == name) return question(session, request, answer);
  }
  throw Error(fmt::format("the engine knows no question '{}'", op));
}

template <class T>
json place(const char* type, const std::vector<T>& values) {
  return {{"type", type}, {"offset", reinterpret_cast<uintptr_t>(values.data())}, {"length", values.size()}};
}

/// The answer as text; numbers that JSON does not have, such as NaN, become null.
std::string to_text(Answer& answer) {
  json arrays = json::object();
  for (const auto& [name, values] : answer.arrays) arrays[name] = place("f32", values);
  for (const auto& [name, values] : answer.integers) arrays[name] = place("i32", values);
  answer.fields["arrays"] = std::move(arrays);
  return answer.fields.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

int64_t whole_number(const json& request, const char* name, int64_t low, int64_t high) {
  const auto found = request.find(name);
  if (found != request.end() && found->is_number()) {
    const auto value = found->get<double>();
    if (value >= static_cast<double>(low) && value <= static_cast<double>(high)) return static_cast<int64_t>(value);
  }
  throw Error(fmt::format("{}: found {}, expected a whole number from {} to {}", name,
                          found == request.end() ? "nothing" : found->dump(), low, high));
}

}  // namespace kantor::lab

/// The answer stays valid until the next call.
extern "C" const char* lab_call(const char* request) {
  using namespace kantor::lab;
  static Answer answer;
  static std::string text;
  answer = {};
  try {
    ask(json::parse(request), answer);
    text = to_text(answer);
  } catch (const ArmError& error) {
    text = json{{"error", error.what()}, {"arm", error.arm}}.dump(-1, ' ', false, json::error_handler_t::replace);
  } catch (const std::exception& error) {
    text = json{{"error", error.what()}, {"arm", nullptr}}.dump(-1, ' ', false, json::error_handler_t::replace);
  }
  return text.c_str();
}
