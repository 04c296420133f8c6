// A call of a family: its arrays in a backend's memory, filled for a version, and what it left there compared with the
// family's reference. Tests, the benchmark and the counter of traffic all make their calls here.
#pragma once

#include "kernels/ladder/ladder.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace kantor::ladder {

/// How a backend keeps memory; all throw KernelError or return null, as documented where they are defined.
struct Memory {
  void* (*allocate)(size_t bytes) = nullptr;  // null where there is not enough
  void (*release)(void* data) = nullptr;
  void (*copy_in)(void* device, const void* host, size_t bytes) = nullptr;
  void (*copy_out)(void* host, const void* device, size_t bytes) = nullptr;
};
/// Throws KernelError for a backend that this build does not have.
const Memory& memory_of(Backend backend);

/// The worst element of a call.
struct Finding {
  double error = 0;  // divided by the scale; infinite for what is not finite where it should be, and for what is NaN
  size_t output = 0, element = 0;
  double found = 0, expected = 0;
  bool behind = false;  // the element is one of those behind the output, where nothing may be written
  /// "output 1, element 37: found 2, expected 3 (error 0.5)", "output 1, element 64, behind its end, was written".
  [[nodiscard]] std::string text() const;
};

class Call {
 public:
  /// Inputs are even in [-1, 1], the same for a seed everywhere. Throws KernelError if there is no memory for them.
  Call(const Family& family, Sizes sizes, Backend backend, uint64_t seed = 1);

  /// Gives the outputs the values that they start with, NaN for most, and the workspace zeros.
  void prepare();
  void run(const Rung& rung, Stream stream = nullptr) const { rung.run(arrays_, stream); }
  /// What is in the outputs now, beside the reference, which is computed once. What was written behind an output, into
  /// the next 256 bytes, is the worst finding of all.
  [[nodiscard]] Finding compare() const;
  /// All outputs, one behind the other.
  [[nodiscard]] std::vector<float> outputs() const;
  [[nodiscard]] const Arrays& arrays() const { return arrays_; }

 private:
  using Block = std::unique_ptr<void, void (*)(void*)>;
  Block block(size_t bytes);

  const Family& family_;
  const Memory& memory_;
  std::vector<std::vector<float>> inputs_;
  Sizes output_sizes_;
  size_t workspace_bytes_ = 0;
  std::vector<Block> blocks_;
  Arrays arrays_;
  mutable std::vector<Expected> expected_;
};

}  // namespace kantor::ladder
