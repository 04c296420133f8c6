// Apply: runs an op, and keeps the graph. Shape and device checks, error texts that name op and inputs, the recorder of
// a captured step and the observers hang here and nowhere else.
#pragma once

#include "engine/op.h"

#include <memory>
#include <vector>

namespace kantor {

/// One application: op (null for a leaf), its inputs, its outputs' values, and the versions that the storages of inputs
/// and then of outputs had.
struct Node : std::enable_shared_from_this<Node> {
  std::shared_ptr<const Op> op;
  std::vector<Tensor> inputs;
  std::vector<uint64_t> versions;
  std::vector<Value> outputs;
  ~Node();  // frees long chains without recursion and without memory
};

/// Applies `op`, and keeps the graph where grad_enabled().
std::vector<Tensor> apply(std::shared_ptr<const Op> op, std::vector<Tensor> inputs);
/// The first output of `apply`.
Tensor apply1(std::shared_ptr<const Op> op, std::vector<Tensor> inputs);

/// Runs `op` on the inputs and writes the given targets in place, bumping their versions: for optimizers, counters and
/// `copy_from`. The graph does not know of it.
void apply_in_place(std::shared_ptr<const Op> op, const std::vector<Tensor>& inputs,
                    const std::vector<Tensor>& targets);

}  // namespace kantor
