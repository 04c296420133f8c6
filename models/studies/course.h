// A course: one whole training of a generator and a critic, evaluated as it goes, for the studies.
#pragma once

#include "models/training/trainer.h"

#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

namespace kantor {

struct Course {
  std::vector<double> steps;          // at each evaluation, the start included
  std::vector<nlohmann::json> lines;  // what was measured at each of them
  double milliseconds = 0;            // median of a step
  bool diverged = false;              // a loss or weight was not finite; the evaluations end before
  double floor = 0;                   // of W1, with config.eval_samples (plane)
  std::vector<double> w1;             // at each evaluation (plane)
};

/// Trains config.steps steps; `measure` evaluates every config.eval_every.
Course train_course(const RunConfig& config, const Dataset& data, Device device,
                    const std::function<nlohmann::json(const Trainer&)>& measure);

/// The same in the plane, measured by evaluate_samples. `pairs` of samples give the floor.
Course train_course(const RunConfig& config, Device device, int pairs = 20);

/// A key at every evaluation.
std::vector<double> values_along(const Course& course, const std::string& key);
/// Mean of a key over the last `count` evaluations.
double late_mean(const Course& course, const std::string& key, size_t count);

}  // namespace kantor
