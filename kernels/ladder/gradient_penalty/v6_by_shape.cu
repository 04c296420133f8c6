// Version 6, which the engine uses (kernels/gradient_penalty.cu): for each shape the version that suits it, by this
// rule:
//
// - rows of up to 8 elements: a thread a row. For 256 points of the plane that is one block, which adds the rows' parts
//   of the penalty as well, so that a launch is saved;
// - up to 1024 elements: a warp a row as in version 2, with the row in shared memory as in version 3, 8 rows a block;
// - more than 15,360 elements, or more than 8192 in a batch of fewer than 64 rows: split as in version 4;
// - all others: a block a row, as in version 3.
//
// Except where rows are split, each block adds the parts of its rows ("Shares::add" in that file: a sum over the block,
// of which one thread writes the result), so that the last launch has fewer numbers to add, or none.
//
// With 256 rows of 784, a warp a row, it is not shown to be faster than version 3: the same 3 launches and **0.98**
// times the floor, but **32** multiprocessors instead of **132**, and **51** accesses of a warp instead of **6.5**.
// What it saves there is version 3's sum over the block for every row: **17,288** passes over shared memory instead of
// **47,752**, and two barriers a row. That weighs more the more short rows there are, and little here: on an H100 an
// earlier version of the engine took 5.48 us for 256 rows of 784, by warps as here, and 5.50 us for 256 rows of 3072,
// by blocks (bench/results/h100-2026-11-28/probe_own.jsonl, "norm+penalty+derivative", 2 launches, without a product).
// Four times the elements made no difference, though the kernels were two different ones: that suggests that at this
// size launches are what is paid for, so that version 4's fourth would show, and versions 2, 3, 5 and 6 differ little.
// With 16 rows of 65,536 it is version 4.
//
// Bytes with the product's write: 12 an element where the row stays on chip, 16 where it is split. Launches: 2 to 4.
// The step of version 5 is not in it: the engine's products serve every layer, and know nothing of norms. Where rows
// are split, that leaves 4 of 16 bytes an element and a launch to be had: with the product's reads **1.81** times the
// floor and 3 launches instead of **2.20** and 4.
//
// The next step of this ladder stands elsewhere. The kernel that trains a whole WGAN in one launch
// (kernels/mlp_training/, described in docs/kernels/mlp_training.md) makes g on the chip, measures it there, and goes
// on with the penalty's own derivative without ever writing g to the GPU's memory: none of the bytes and none of the
// launches counted here are left. That holds for small networks, whose weights and rows fit on the chip.
#include "kernels/gradient_penalty.h"
#include "kernels/ladder/gradient_penalty/gradients.h"
#include "kernels/ladder/rung.h"

namespace kantor::KANTOR_BACKEND {
namespace {

void run(const ladder::Arrays& a, Stream stream) {
  make_gradients(a, stream);
  gradient_penalty(PenaltyKind::two_sided, 10.0, a.outputs[3], a.outputs[0], a.outputs[1], a.outputs[2], a.sizes[0],
                   a.sizes[1], a.workspace, stream);
}

KANTOR_RUNG(gradient_penalty, 6, "the version that suits the shape", run, .production = true, .follows = 3);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
