#include "models/studies/course.h"

#include "models/metrics/histogram.h"
#include "models/training/evaluation.h"

#include <algorithm>
#include <chrono>

namespace kantor {

using Clock = std::chrono::steady_clock;

Course train_course(const RunConfig& config, Device device, int pairs) {
  const std::unique_ptr<Dataset> data = open_dataset(config.data);
  Trainer trainer(config, *data, device);
  const W1Floor floor = w1_floor(*data, config.eval_samples, pairs);
  Course course;
  course.floor = floor.mean;
  const auto evaluate = [&] {
    course.lines.push_back(evaluate_samples(trainer, *data, floor));
    course.steps.push_back(static_cast<double>(trainer.steps_done()));
    course.w1.push_back(course.lines.back().at("w1").get<double>());
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

double late_mean(const Course& course, const std::string& key, size_t count) {
  const size_t used = std::min(count, course.lines.size());
  double sum = 0;
  for (size_t i = course.lines.size() - used; i < course.lines.size(); ++i)
    sum += course.lines[i].at(key).get<double>();
  return sum / static_cast<double>(used);
}

}  // namespace kantor
