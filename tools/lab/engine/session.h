// Session: one or two trainings in lock step on the same data, with the states that one can go back to.
#pragma once

#include "models/data/dataset.h"
#include "models/metrics/wasserstein.h"
#include "models/training/trainer.h"
#include "tools/lab/engine/answer.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kantor::lab {

struct Arm {
  std::unique_ptr<Trainer> trainer;
  std::string diverged;  // what stopped it; empty while it trains
};

class Session {
 public:
  /// Starts anew. Throws ArmError for a configuration that cannot be trained; the session before then stays.
  void open(const std::vector<RunConfig>& configs, DatasetPtr data);

  /// Goes on from the present state, a step in slow motion included, under configurations that a resumed run may change
  /// to. Throws ArmError where one may not; all then stay as they are.
  void change(const std::vector<RunConfig>& configs);

  /// The models. Throws Error before anything was opened.
  [[nodiscard]] const std::vector<Arm>& arms() const;
  [[nodiscard]] const Arm& arm(const json& request) const;
  [[nodiscard]] const Dataset& data() const { return *data_; }
  [[nodiscard]] int64_t steps_done() const { return steps_done_; }
  /// Half the side of the square that is shown: it holds the data with a margin.
  [[nodiscard]] double reach() const { return reach_; }
  /// The W1 of two draws of the data, measured once for each size.
  double floor(int64_t samples);

  /// One step of every model that has not diverged. A step that slow motion has begun is ended instead.
  void step();
  /// The steps whose states are kept.
  [[nodiscard]] std::vector<int64_t> kept() const;
  /// Every model as it was. Throws Error for a step that is not kept.
  void back(int64_t step);

  /// The next critic update, for slow motion: the step that it belongs to begins when it is first asked for.
  struct NextUpdate {
    int64_t number = 0;  // 0 ... critic_steps - 1
    const StepSamples* samples = nullptr;
    CriticBatch batch;
  };
  [[nodiscard]] NextUpdate next_update(size_t arm);
  /// Makes the next critic update of every model, and after the last of a step the generator's.
  void make_update();
  /// Whether a step has begun and not ended, and the critic updates of it that are made.
  [[nodiscard]] bool in_slow_motion() const { return !samples_.empty(); }
  [[nodiscard]] int64_t updates_made() const { return in_slow_motion() ? updates_made_ : 0; }

 private:
  void keep();
  void begin_step();
  template <class F>
  void for_training_arms(const F& work);

  std::vector<Arm> arms_;
  DatasetPtr data_;
  double reach_ = 1;
  int64_t steps_done_ = 0;
  std::map<int64_t, double> floors_;
  std::map<int64_t, std::vector<TensorFile>> states_;
  int64_t keep_every_ = 1, most_states_ = 0;
  std::vector<StepSamples> samples_;  // of the step in slow motion; empty outside it
  int64_t updates_made_ = 0;
};

}  // namespace kantor::lab
