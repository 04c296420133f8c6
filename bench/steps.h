// Whole training steps, timed in rounds: a table of their medians, or rounds that another program asks for, so that it
// can alternate them with rounds of its own.
#pragma once

#include "engine/device.h"

#include <functional>
#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kantor {

/// Names of the steps: "clip", "penalty", "generator".
const std::vector<std::string>& bench_step_names();

struct StepsOptions {
  Device device = {};
  std::vector<std::string> models;  // as parse_bench_model takes them
  std::vector<std::string> steps;
  std::string rewrites = "all";  // of the captured steps
  int rounds = 5;
  double seconds = 0.2;  // of a round; at least one step
  std::function<void(const std::string& row, size_t done, size_t all)> on_row = {};
};

/// Times every step of every model; rounds of the steps of one model are taken in turn. Gives {"device", ... as
/// bench_context, "rewrites", "load", "rows": [{"model", "step", "seconds", "p10", "p90", "best", "rounds", "launches",
/// "flops"}]}, with "seconds" and the like null on `sim`, whose time is not a device's.
nlohmann::json bench_steps(const StepsOptions& options);

/// The same as a table for people.
std::string steps_table(const nlohmann::json& result);

/// Reads a JSON object a line until the end of `in`, and answers each with one on `out`:
/// {"model", "step", "seconds"} is one round, answered by {"seconds": of one step, "steps", "launches"};
/// {"model", "step", "gradients": FILE} writes the start of that step and its gradients (TrainingStep) into FILE,
/// answered by {"gradients": FILE}; {"context": true} is answered by what bench_steps gives before "load"; what cannot
/// be done is answered by {"error"}. Steps are kept between lines.
void serve_steps(const StepsOptions& options, std::istream& in, std::ostream& out);

}  // namespace kantor
