#include "models/metrics/agreement.h"

#include "engine/error.h"

#include <cmath>
#include <fmt/format.h>

namespace kantor {

Agreement compare_gradients(std::span<const float> found, std::span<const double> optimal, int64_t dimensions) {
  if (dimensions < 1 || found.empty() || found.size() != optimal.size() ||
      found.size() % static_cast<size_t>(dimensions) != 0) {
    throw ShapeError(fmt::format("{} and {} values of gradients in {} dimensions: expected whole rows, as many of each",
                                 found.size(), optimal.size(), dimensions));
  }
  Agreement sum;
  for (size_t i = 0; i < found.size();) {
    double along = 0, squares = 0, apart = 0, length = 0;
    for (int64_t d = 0; d < dimensions; ++d, ++i) {
      const double g = found[i], best = optimal[i];
      along += g * best;
      squares += g * g;
      length += best * best;
      apart += (g - best) * (g - best);
    }
    if (squares > 0 && length > 0) sum.cosine += along / std::sqrt(squares * length);
    sum.squared_error += apart;
    sum.norm += std::sqrt(squares);
  }
  const auto rows = static_cast<double>(found.size()) / static_cast<double>(dimensions);
  return {sum.cosine / rows, sum.squared_error / rows, sum.norm / rows};
}

}  // namespace kantor
