#include "models/losses/loss.h"

#include "engine/error.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kantor {

// One file each.
extern const Loss wasserstein_loss, non_saturating_loss, least_squares_loss, hinge_loss, relativistic_loss;

const std::vector<Loss>& losses() {
  static const std::vector<Loss> table{wasserstein_loss, non_saturating_loss, least_squares_loss, hinge_loss,
                                       relativistic_loss};
  return table;
}

std::vector<std::string> loss_names() {
  std::vector<std::string> names;
  for (const Loss& loss : losses()) names.emplace_back(loss.name);
  return names;
}

const Loss& find_loss(std::string_view name) {
  for (const Loss& loss : losses()) {
    if (loss.name == name) return loss;
  }
  throw Error(fmt::format("unknown loss '{}'; known are {}", name, fmt::join(loss_names(), ", ")));
}

}  // namespace kantor
