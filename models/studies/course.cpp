#include "models/studies/course.h"

#include "models/metrics/histogram.h"
#include "models/training/evaluation.h"

#include <algorithm>
#include <chrono>
#include <numeric>

namespace kantor {

using Clock = std::chrono::steady_clock;

Course train_course(const RunConfig& config, const Dataset& data, Device device,
                    const std::function<nlohmann::json(const Trainer&)>& measure) {
  Trainer trainer(config, data, device);
  Course course;
  const auto evaluate = [&] {
    course.lines.push_back(measure(trainer));
    course.steps.push_back(static_cast<double>(trainer.steps_done()));
  };
  evaluate();
  std::vector<double> milliseconds;
  try {
    while (trainer.steps_done() < config.steps) {
      const auto start = Clock::now();
      trainer.step();
      milliseconds.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
      if (trainer.steps_done() % config.eval_every == 0) evaluate();
    }
  } catch (const NonFiniteError&) {  // an outcome that a study reports, not a failure of its run
    course.diverged = true;
  }
  if (!milliseconds.empty()) course.milliseconds = quantile(std::span<const double>(milliseconds), 0.5);
  return course;
}

Course train_course(const RunConfig& config, Device device, int pairs) {
  const std::unique_ptr<Dataset> data = open_dataset(config.data);
  const W1Floor floor = w1_floor(*data, config.eval_samples, pairs);
  Course course = train_course(config, *data, device,
                               [&](const Trainer& trainer) { return evaluate_samples(trainer, *data, floor); });
  course.floor = floor.mean;
  course.w1 = values_along(course, "w1");
  return course;
}

std::vector<double> values_along(const Course& course, const std::string& key) {
  std::vector<double> values;
  for (const nlohmann::json& line : course.lines) values.push_back(line.at(key).get<double>());
  return values;
}

double late_mean(const Course& course, const std::string& key, size_t count) {
  const size_t used = std::min(count, course.lines.size());
  const std::vector<double> values = values_along(course, key);
  return std::accumulate(values.end() - static_cast<std::ptrdiff_t>(used), values.end(), 0.0) /
         static_cast<double>(used);
}

}  // namespace kantor
