// TrainableNetwork: a network with what trains it, its optimizer and its gradients.
#pragma once

#include "engine/optimizer.h"
#include "models/nn/network.h"

#include <string>
#include <vector>

namespace kantor {

/// A network with its optimizer and the gradients of its parameters.
class TrainableNetwork {
 public:
  /// `name` stands in messages: "critic". `bounds` as Optimizer takes them; weights are clipped to them at once, before
  /// the first forward. Throws Error for an unknown optimizer.
  TrainableNetwork(std::string name, Network network, const OptimizerConfig& optimizer,
                   std::vector<double> bounds = {});

  /// One step down the loss: gradients by the parameters, update and clip, and orthonormal layers put back. Recordable.
  void descend(const Tensor& loss);
  /// Clips and measures weights that something else has written, such as a checkpoint.
  void weights_replaced();
  /// Sets the number of updates that a kernel of its own has done, and measures the weights, histograms included.
  void updated_elsewhere(int64_t updates);
  /// Whether updates from now on take histograms of the weights too.
  void take_histograms(bool on) { optimizer_.take_histograms(on); }
  /// Throws NonFiniteError naming step, network and tensor where an update left a NaN or infinity, of which its
  /// statistics tell, or where `loss` is one.
  void check_finite(int64_t step, double loss, const std::vector<WeightStatistics>& statistics) const;

  [[nodiscard]] const Network& network() const { return network_; }
  [[nodiscard]] const Optimizer& optimizer() const { return optimizer_; }
  [[nodiscard]] Optimizer& optimizer() { return optimizer_; }
  /// Of the last step, one row per parameter.
  [[nodiscard]] const Arena& gradients() const { return gradients_; }

 private:
  std::string name_;
  Network network_;
  Optimizer optimizer_;
  Arena gradients_;
};

}  // namespace kantor
