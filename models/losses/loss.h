// Loss: what critic and generator minimize, as a function of the critic's scores. A loss is one file of this folder and
// one row of the table in loss.cpp.
#pragma once

#include "engine/ops.h"

#include <string>
#include <string_view>
#include <vector>

namespace kantor {

/// A critic's scores of one batch of real and one of generated samples, [B, 1] each, and their difference, [],
/// mean D(real) - mean D(fake).
struct Scores {
  Tensor real, fake, difference;
};

/// What critic and generator minimize, as functions of the critic's scores: a row of the table in loss.cpp.
struct Loss {
  const char* name;  // as a configuration names it
  const char* text;  // what it is, in a line for users
  /// The critic's loss, [].
  Tensor (*critic)(const Scores& scores);
  /// The generator's loss, []. `scores.difference` is undefined here, and so is `scores.real` unless
  /// `generator_needs_real`.
  Tensor (*generator)(const Scores& scores);
  /// Whether the generator's loss compares with the scores of real samples.
  bool generator_needs_real = false;
};

/// All losses.
const std::vector<Loss>& losses();
/// Throws Error naming the known ones.
const Loss& find_loss(std::string_view name);
std::vector<std::string> loss_names();

}  // namespace kantor
