// The critic's loss of one update, and the generator's: a loss of models/losses/ on the scores, and the constraint's
// term.
#pragma once

#include "models/lipschitz/constraint.h"
#include "models/losses/loss.h"
#include "models/nn/network.h"

namespace kantor {

/// The critic's loss on one batch, and its parts.
struct CriticLoss {
  Tensor loss;         // [], what the critic minimizes: the loss of the scores and the constraint's term
  Tensor wasserstein;  // [], mean D(real) - mean D(fake): the estimate
  Tensor real_scores, fake_scores;
  ConstraintTerm term;
};
/// One forward over both batches, two where the critic has batch norm, so that each keeps its own statistics.
CriticLoss critic_loss(const Network& critic, const Constraint& constraint, const CriticBatch& batch,
                       const Loss& loss = find_loss("wasserstein"));

/// The generator's loss at its samples; `real` is read only where the loss needs it (Loss::generator_needs_real).
Tensor generator_loss(const Network& critic, const Tensor& fake, const Loss& loss = find_loss("wasserstein"),
                      const Tensor& real = {});

}  // namespace kantor
