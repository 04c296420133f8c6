// A product that is then multiplied by the derivative of the layer before does both while its sums are in registers.
#include "engine/recording/rewrite.h"
#include "engine/recording/rewrites/uses.h"

#include <algorithm>
#include <optional>

namespace kantor {
namespace {

constexpr size_t none = static_cast<size_t>(-1);

/// The product whose result is input 0 of call k and is read there alone, if it can wait until call k.
size_t product_before(const Recording& recording, const Uses& uses, size_t k) {
  const Operand& product = recording.calls[k].inputs[0];
  if (!product.whole_temporary()) return none;
  const std::optional<size_t> writer = uses.only_writer(*product.buffer);
  if (!writer || *writer > k || uses.only_reader(*product.buffer) != k) return none;
  const std::vector<Operand>& inputs = recording.calls[*writer].inputs;
  const bool overwritten = std::any_of(inputs.begin(), inputs.end(),
                                       [&](const Operand& input) { return uses.written(input, *writer + 1, k + 1); });
  return overwritten ? none : *writer;
}

}  // namespace

void fuse_derivatives(Recording& recording) {
  std::vector<bool> gone(recording.calls.size());
  Uses uses(recording);
  for (size_t k = 0; k < recording.calls.size(); ++k) {
    const RecordedCall& derivative = recording.calls[k];
    const std::optional<Activation> of = derivative.op->derivative_of();
    if (!of || derivative.inputs[0].same_bytes(derivative.inputs[1])) continue;
    const size_t p = product_before(recording, uses, k);
    if (p == none || recording.calls[p].inputs.size() != 2) continue;  // a third one is a bias
    auto fused = recording.calls[p].op->times_derivative(*of);
    if (!fused) continue;
    const RecordedCall& product = recording.calls[p];
    uses.change(k,
                {std::move(fused), {product.inputs[0], product.inputs[1], derivative.inputs[1]}, derivative.outputs});
    gone[p] = true;
  }
  uses.remove(gone);
}

}  // namespace kantor
