// Loader: prepares the samples of coming steps on a thread of its own, while the current step computes.
#pragma once

#include "models/data/dataset.h"

#include <cstdint>
#include <memory>
#include <span>

namespace kantor {

/// Which samples a Loader prepares, and how far ahead.
struct LoaderOptions {
  uint64_t seed = 0;
  uint32_t stream = 0;
  int64_t samples = 0;      // of a step: its critic updates times the batch
  uint64_t first_step = 0;  // where a resumed run goes on
  int depth = 4;            // steps prepared ahead
};

/// The samples of one step: what `data.draw(seed, stream, step, samples, ...)` writes.
struct LoadedSamples {
  uint64_t step = 0;
  std::span<const float> values;
};

/// Draws the samples of coming steps on a thread of its own.
class Loader {
 public:
  /// Throws Error for fewer than one sample or step ahead.
  Loader(DatasetPtr data, const LoaderOptions& options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The next step's samples, first_step first; they stay valid until the next call. What `draw` threw is thrown here,
  /// at its step and from then on.
  LoadedSamples next();

 private:
  struct Queue;
  std::unique_ptr<Queue> queue_;
};

}  // namespace kantor
