// Steps under rewrites, for tests: what a step leaves, and by how many ops.
#pragma once

#include "engine/random.h"
#include "engine/tensor.h"

#include <functional>
#include <string>
#include <vector>

namespace kantor::testing {

/// The function of a step, and the tensors in which it leaves its results.
struct RecordedStep {
  std::function<void()> step;
  std::vector<Tensor> results;
};

/// What a step leaves after some runs, and how many ops a replay has.
struct Outcome {
  std::vector<float> values;
  int64_t ops = 0;
};

/// Makes a step under these rewrites and runs it five times.
Outcome outcome(const std::function<RecordedStep()>& make, const std::string& rewrites, Device device = {});

/// The largest difference of two outcomes' values, of large ones the relative difference; NaN where one has a NaN.
double largest_difference(const std::vector<float>& a, const std::vector<float>& b);

/// Values of a normal distribution with mean 0 and deviation 0.5.
Tensor normal_tensor(HostRandom& random, const Shape& shape, TensorOptions options = {});

}  // namespace kantor::testing
