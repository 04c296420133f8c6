// Whole training steps: a suite of them, and rounds that another program asks for, so that it can alternate them with
// rounds of its own.
#pragma once

#include "bench/run_suite.h"
#include "engine/device.h"

#include <iosfwd>
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
};

/// Every step of every model, and of the plane's models under clipping or a penalty a whole iteration of a training:
/// recorded, and fused where the device can. Rows have "model" and "step".
SuiteRun steps_run(const StepsOptions& options);

/// Reads a JSON object a line until the end of `in`, and answers each with one on `out`:
/// {"model", "step", "seconds"} is one round, answered by {"seconds": of one step, "steps", "launches"};
/// {"model", "step", "gradients": FILE} writes the start of that step and its gradients (TrainingStep) into FILE,
/// answered by {"gradients": FILE}; {"context": true} is answered by bench_context and "rewrites"; what cannot
/// be done is answered by {"error"}. Steps are kept between lines.
void serve_steps(const StepsOptions& options, std::istream& in, std::ostream& out);

}  // namespace kantor
