// A product that is then multiplied by the derivative of the layer before does both while its sums are in registers.
#include "engine/recording/rewrite.h"

namespace kantor {
namespace {

constexpr size_t none = static_cast<size_t>(-1);

/// The product whose result is input 0 of call k and is read there alone, if it can wait until call k.
size_t product_before(const Recording& recording, size_t k) {
  const Operand& product = recording.calls[k].inputs[0];
  if (!product.whole_temporary()) return none;
  const std::vector<size_t> writers = recording.writers(*product.buffer);
  if (writers.size() != 1 || writers[0] > k || recording.readers(*product.buffer) != std::vector<size_t>{k})
    return none;
  const RecordedCall& maker = recording.calls[writers[0]];
  for (const Operand& input : maker.inputs) {
    if (recording.calls[k].writes(input)) return none;
    for (size_t m = writers[0] + 1; m < k; ++m) {
      if (recording.calls[m].writes(input)) return none;
    }
  }
  return writers[0];
}

}  // namespace

void fuse_derivatives(Recording& recording) {
  std::vector<bool> gone(recording.calls.size());
  for (size_t k = 0; k < recording.calls.size(); ++k) {
    RecordedCall& derivative = recording.calls[k];
    const std::optional<Activation> of = derivative.op->derivative_of();
    if (!of || derivative.inputs[0].same_bytes(derivative.inputs[1])) continue;
    const size_t p = product_before(recording, k);
    if (p == none || recording.calls[p].inputs.size() != 2) continue;  // a third one is a bias
    auto fused = recording.calls[p].op->times_derivative(*of);
    if (!fused) continue;
    RecordedCall& product = recording.calls[p];
    derivative = {std::move(fused), {product.inputs[0], product.inputs[1], derivative.inputs[1]}, derivative.outputs};
    gone[p] = true;
  }
  recording.remove(gone);
}

}  // namespace kantor
