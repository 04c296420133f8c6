#include "tools/lab/engine/session.h"

#include "engine/error.h"
#include "engine/rewrites.h"
#include "models/training/random_streams.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace kantor::lab {
namespace {

constexpr int64_t state_bytes = int64_t{96} << 20;  // that kept states may take together
constexpr int64_t most_states = 80, fewest_states = 4;
constexpr int floor_pairs_here = 8;

/// The square that the pictures of `kantor train` show: the data with a margin.
double reach_of(const Dataset& data, uint64_t seed) {
  double reach = 1;
  for (const float x : data.draw(seed, stream_pictures, 0, 512)) {
    reach = std::max(reach, static_cast<double>(std::abs(x)));
  }
  return 1.25 * reach;
}

int64_t bytes_of(const std::vector<TensorFile>& state) {
  int64_t bytes = 0;
  for (const TensorFile& file : state) {
    for (const auto& [name, tensor] : file.tensors) bytes += tensor.size() * 4;
  }
  return std::max<int64_t>(bytes, 1);
}

}  // namespace

void Session::open(const std::vector<RunConfig>& configs, DatasetPtr data) {
  set_rewrites("exact");  // a step in slow motion, op by op, gives the bits of one that is played
  std::vector<Arm> arms(configs.size());
  for (size_t i = 0; i < configs.size(); ++i) {
    try {
      arms[i].trainer = std::make_unique<Trainer>(configs[i], data);
    } catch (const Error& error) {
      throw ArmError(i, error.what());
    }
  }
  arms_ = std::move(arms);
  data_ = std::move(data);
  reach_ = reach_of(*data_, static_cast<uint64_t>(configs[0].seed));
  steps_done_ = 0;
  floors_.clear();
  states_.clear();
  samples_.clear();
  keep_every_ = 1;
  keep();
  most_states_ = std::clamp(state_bytes / bytes_of(states_[0]), fewest_states, most_states);
}

void Session::change(const std::vector<RunConfig>& configs) {
  std::vector<RunConfig> before;
  for (const Arm& arm : arms()) before.push_back(arm.trainer->config());
  for (size_t i = 0; i < arms_.size(); ++i) {
    try {
      arms_[i].trainer->change(configs[i]);
    } catch (const Error& error) {
      for (size_t k = 0; k < i; ++k) arms_[k].trainer->change(before[k]);
      throw ArmError(i, error.what());
    }
  }
}

const std::vector<Arm>& Session::arms() const {
  if (arms_.empty()) throw Error("no model is open; ask `open` first");
  return arms_;
}

const Arm& Session::arm(const json& request) const {
  const auto last = static_cast<int64_t>(arms().size()) - 1;
  return arms_[static_cast<size_t>(whole_number(request, "arm", 0, last))];
}

double Session::floor(int64_t samples) {
  const auto [place, fresh] = floors_.try_emplace(samples, 0.0);
  if (fresh) place->second = w1_floor(data(), samples, floor_pairs_here).mean;
  return place->second;
}

template <class F>
void Session::for_training_arms(const F& work) {
  for (Arm& arm : arms_) {
    if (!arm.diverged.empty()) continue;
    try {
      work(arm);
    } catch (const NonFiniteError& error) {
      arm.diverged = error.what();
    }
  }
}

void Session::step() {
  if (in_slow_motion()) {
    while (in_slow_motion()) make_update();
    return;
  }
  for_training_arms([](Arm& arm) { arm.trainer->step(); });
  ++steps_done_;
  keep();
}

/// Keeps every model's state now and then. When there are too many, every second one goes, and later ones lie twice as
/// far apart. Steps at which one model has diverged are not kept: there is nothing to go on from.
void Session::keep() {
  const bool diverged = std::any_of(arms_.begin(), arms_.end(), [](const Arm& arm) { return !arm.diverged.empty(); });
  if (diverged || steps_done_ % keep_every_ != 0) return;
  std::vector<TensorFile> state;
  for (const Arm& arm : arms_) state.push_back(arm.trainer->checkpoint());
  states_.insert_or_assign(steps_done_, std::move(state));
  if (most_states_ > 0 && static_cast<int64_t>(states_.size()) > most_states_) {
    keep_every_ *= 2;
    std::erase_if(states_, [this](const auto& entry) { return entry.first % keep_every_ != 0; });
  }
}

std::vector<int64_t> Session::kept() const {
  std::vector<int64_t> steps;
  for (const auto& [step, state] : states_) steps.push_back(step);
  return steps;
}

void Session::back(int64_t step) {
  const auto found = states_.find(step);
  if (found == states_.end()) throw Error(fmt::format("the state after step {} is not kept", step));
  for (size_t i = 0; i < arms_.size(); ++i) {
    arms_[i].trainer->restore(found->second[i]);
    arms_[i].diverged.clear();
  }
  steps_done_ = step;
  samples_.clear();
}

void Session::begin_step() {
  if (!samples_.empty()) return;
  samples_.resize(arms_.size());
  updates_made_ = 0;
  for (size_t i = 0; i < arms_.size(); ++i) {
    if (arms_[i].diverged.empty()) samples_[i] = arms_[i].trainer->begin_step();
  }
}

Session::NextUpdate Session::next_update(size_t arm) {
  if (!arms()[arm].diverged.empty()) throw ArmError(arm, arms_[arm].diverged);
  begin_step();
  return {updates_made_, &samples_[arm], arms_[arm].trainer->critic_batch(samples_[arm], updates_made_)};
}

void Session::make_update() {
  begin_step();
  const int64_t update = updates_made_++;
  bool ended = true;
  for_training_arms([&](Arm& arm) {
    Trainer& trainer = *arm.trainer;
    const auto index = static_cast<size_t>(&arm - arms_.data());
    const int64_t updates = trainer.config().critic_steps;
    if (update < updates) {
      const CriticBatch batch = trainer.critic_batch(samples_[index], update);
      trainer.update_critic(batch);
      if (update == updates - 1) trainer.end_step(batch);
    }
    ended = ended && update >= updates - 1;
  });
  if (!ended) return;
  samples_.clear();
  ++steps_done_;
  keep();
}

}  // namespace kantor::lab
