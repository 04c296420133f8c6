#include "models/gan/trainable_network.h"

#include "engine/autograd.h"
#include "engine/error.h"
#include "engine/in_place.h"

#include <cmath>
#include <fmt/format.h>
#include <utility>

namespace kantor {

TrainableNetwork::TrainableNetwork(std::string name, Network network, const OptimizerConfig& optimizer,
                                   std::vector<double> bounds)
    : name_(std::move(name)),
      network_(std::move(network)),
      optimizer_(optimizer, network_.parameters(), std::move(bounds)),
      gradients_(network_.parameters().like()) {
  weights_replaced();
}

void TrainableNetwork::descend(const Tensor& loss) {
  store_gradients(grad(loss, network_.parameters().tensors()), gradients_);
  optimizer_.update(gradients_);
  network_.retract();
}

void TrainableNetwork::weights_replaced() {
  optimizer_.take_histograms(true);
  optimizer_.clip();
  optimizer_.take_histograms(false);
}

void TrainableNetwork::updated_elsewhere(int64_t updates) {
  optimizer_.take_histograms(true);
  optimizer_.updated_elsewhere(updates);
  optimizer_.take_histograms(false);
}

void TrainableNetwork::check_finite(int64_t step, double loss, const std::vector<WeightStatistics>& statistics) const {
  for (size_t i = 0; i < statistics.size(); ++i) {
    if (statistics[i].non_finite == 0) continue;
    throw NonFiniteError(fmt::format(
        "step {}: {} of the {} values of the {}'s {} are NaN or infinite (loss {}); the run diverged: lower "
        "the learning rate or the penalty's weight",
        step, statistics[i].non_finite, statistics[i].count, name_, network_.parameters().rows()[i].name, loss));
  }
  if (!std::isfinite(loss)) {
    throw NonFiniteError(
        fmt::format("step {}: the {}'s loss is {}; the run diverged: lower the learning rate or the penalty's weight",
                    step, name_, loss));
  }
}

}  // namespace kantor
