// Version 3, which the engine uses (kernels/gradient_penalty.cu): the row stays in shared memory between its norm and
// its derivative, so that each element is read once, 8 bytes. A warp takes a short row, a block a longer one; a row
// that does not fit is read twice, by a block.
#include "kernels/gradient_penalty.h"
#include "kernels/ladder/rung.h"

namespace kantor::KANTOR_BACKEND {
namespace {

void run(const ladder::Arrays& a, Stream stream) {
  gradient_penalty(PenaltyKind::two_sided, 10.0, a.inputs[0], a.outputs[0], a.outputs[1], a.outputs[2], a.sizes[0],
                   a.sizes[1], a.workspace, stream);
}

KANTOR_RUNG(gradient_penalty, 3, "the row stays on chip, one read", run, .production = true);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
