// A suite's subjects on request: another program asks for short rounds of one row, and times them beside another's.
#pragma once

#include "bench/harness.h"

#include <functional>
#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace kantor {

inline constexpr std::string_view serve_schema = "kantor-bench-serve";
inline constexpr int serve_version = 1;

/// Reads a JSON object a line until the end of `in`, and answers each with one on `out`:
/// {"context": true}: {"schema", "version", "suite", ... as bench_context};
/// {"rows": true}: {"rows": [{"name", "size", ...: what tells the row apart, "key": all of it, as KEY}]};
/// {"row": KEY, "replays": N, "warm": M}: M replays that do not count, then N; {"seconds": of one of the N, "replays"}.
/// With N = 0 it only makes the row ready: {"seconds": of a single replay};
/// {"row": KEY, "check": true}: one replay, compared with float64: {"accuracy", "allowed"}; null if it is not finite.
/// What cannot be done is answered by {"error"}. One row is kept ready at a time: the one that was asked for last.
void serve_subjects(const std::string& suite, const std::vector<Subject>& subjects, const nlohmann::json& context,
                    Device device, std::istream& in, std::ostream& out);

/// The same of a suite by its name. Throws Error if there is none.
void serve_suite(const std::string& suite, const BenchOptions& options, std::istream& in, std::ostream& out);

}  // namespace kantor
