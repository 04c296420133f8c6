// A rehearsal of one critic update: everything that it computes, on copies, so that nothing of the training changes.
#pragma once

#include "engine/optimizer.h"
#include "models/gan/critic_loss.h"
#include "models/training/trainer.h"

#include <memory>
#include <vector>

namespace kantor::lab {

struct Rehearsal {
  Network network;                                   // a copy of the critic; after the update at the end
  CriticLoss loss;                                   // before the update
  std::vector<Tensor> score_gradients;               // by each parameter: of the loss of the scores alone,
  std::vector<Tensor> term_gradients;                // of the constraint's term (undefined: zero),
  Arena gradients;                                   // and of both
  std::vector<Tensor> before, updated, after;        // parameters: before the update, after it, and after the clip
  std::vector<std::pair<std::string, Arena>> state;  // of the optimizer, after the update
  int64_t optimizer_step = 0;                        // the update's number in the optimizer's count, from 1
};
Rehearsal rehearse(const Trainer& trainer, const CriticBatch& batch);

}  // namespace kantor::lab
