// Loader: prepares the samples of coming steps on a thread of its own, while the current step computes. Where there are
// no threads (WebAssembly) it draws them when they are asked for.
#pragma once

#include "models/data/dataset.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace kantor {

/// Steps that a Loader prepares ahead, unless told otherwise.
#ifdef __EMSCRIPTEN__
inline constexpr int usual_loader_depth = 0;
#else
inline constexpr int usual_loader_depth = 4;
#endif

/// Which samples a Loader prepares, and how far ahead.
struct LoaderOptions {
  uint64_t seed = 0;
  uint32_t stream = 0;
  int64_t samples = 0;             // of a step: its critic updates times the batch
  uint64_t first_step = 0;         // where a resumed run goes on
  int depth = usual_loader_depth;  // steps prepared ahead; 0: drawn by the caller, without a thread
};

/// The samples of one step: what `data.draw(seed, stream, step, samples, ...)` writes.
struct LoadedSamples {
  uint64_t step = 0;
  std::span<const float> values;
};

/// Draws the samples of coming steps on a thread of its own.
class Loader {
 public:
  /// Throws Error for fewer than one sample, and for a negative depth.
  Loader(DatasetPtr data, const LoaderOptions& options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The next step's samples, first_step first; they stay valid until the next call. What `draw` threw is thrown here,
  /// at its step and from then on.
  LoadedSamples next();
  /// Those of so many steps, one after the other.
  std::vector<float> next(int64_t steps);

 private:
  struct Queue;
  LoadedSamples draw();

  DatasetPtr data_;
  LoaderOptions options_;
  std::vector<float> drawn_;  // without a thread
  uint64_t steps_drawn_ = 0;
  std::unique_ptr<Queue> queue_;
};

}  // namespace kantor
