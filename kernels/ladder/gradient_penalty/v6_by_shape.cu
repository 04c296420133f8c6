// Version 6, which the engine uses (kernels/gradient_penalty.cu): it takes for each shape the version that suits it.
// Rows of up to 8 elements are a thread's, which keeps them in its registers or its cache: for 256 points of the plane
// that is one block, which adds the rows' shares as well, so that a launch is saved. Rows of up to 1024 elements are a
// warp's, with the row in shared memory, 8 rows a block and no barrier for the norm. Longer ones are a block's, as in
// version 3. Those beyond 60 KB, and those of more than 8192 elements in a batch of fewer than 64, are split as in
// version 4. Each block adds the shares of its rows, so that the last launch has fewer numbers to add, or none.
//
// Bytes with the product's write: 12 an element where the row stays on chip, 16 where it is split. Launches: 2 to 4.
// The step of version 5 is not in it: the engine's products serve every layer, and know nothing of norms. For images
// of more than 15,360 elements that leaves a fourth of the bytes and a launch to be had.
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

KANTOR_RUNG(gradient_penalty, 6, "the version that suits the shape", run, .production = true);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
