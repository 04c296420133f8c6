// A course: one whole training of a generator and a critic, evaluated as it goes, for the studies.
#pragma once

#include "models/training/config.h"

#include <nlohmann/json.hpp>
#include <vector>

namespace kantor {

struct Course {
  std::vector<double> steps, w1;      // at each evaluation, the start included
  std::vector<nlohmann::json> lines;  // evaluate_samples at each of them
  double floor = 0;                   // of W1, with config.eval_samples
  double milliseconds = 0;            // median of a step
  bool diverged = false;              // a loss or weight was not finite; the evaluations end before
};

/// Trains config.steps steps, with an evaluation every config.eval_every. `pairs` of samples give the floor.
Course train_course(const RunConfig& config, Device device, int pairs = 20);

/// Mean of a key over the last `count` evaluations.
double late_mean(const Course& course, const std::string& key, size_t count);

}  // namespace kantor
