// Architectures: layer lists for the networks of the papers.
#pragma once

#include "engine/ops.h"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace kantor {

/// A network of linear layers of one width.
struct MlpSpec {
  int64_t in = 2, out = 1, width = 512;
  int depth = 3;                    // hidden layers
  std::string activation = "relu";  // relu, leaky_relu, tanh, sigmoid, softplus, group_sort
  std::string norm = "none";        // none, batch, layer
};
/// Its layer list, as Network takes it.
nlohmann::json mlp(const MlpSpec& spec);

/// A convolutional generator or critic of square images (Radford et al. 2016).
struct DcganSpec {
  int64_t size = 28;     // 16, 28, 32 or 64 pixels a side; else ShapeError
  int64_t channels = 1;  // 1 or 3
  int64_t dim = 64;      // channels of the widest picture's layer
  int64_t z = 128;
  std::string norm = "none";  // none, batch, layer (critic); none, batch (generator)
};
/// 5x5 stride-2 convolutions with LeakyReLU 0.2.
nlohmann::json dcgan_critic(const DcganSpec& spec);
/// linear to 4x4, 5x5 stride-2 transposed convolutions with ReLU, sigmoid out (pixels in [0, 1]).
nlohmann::json dcgan_generator(const DcganSpec& spec);

/// A tanh RNN over [T, in] whose last state a linear layer scores.
nlohmann::json rnn_critic(int64_t in, int64_t hidden);

}  // namespace kantor
