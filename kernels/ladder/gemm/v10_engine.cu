// Version 10, which the engine uses for float32 (kernels/products, kernels/products/tile_kernel.h): versions 4 to 6 as
// one kernel, whose sizes are chosen for each product. It stands last because the engine uses it, not because it is
// fastest: versions 7 to 9 have another arithmetic, which the engine has too. Tiles are 128 x 128 down to 32 x 32, and
// the smaller ones are for products that would else not fill a GPU: 4 m n k (1 / rows + 1 / columns) bytes from the
// second-level cache against blocks that stand idle. There are three or four stages in place of two, so that two or
// three steps are on their way while one is multiplied. Where k is split, the last block of a tile adds the partial
// tiles in their order: no second launch, unless the splits are many. Or the warps of a block share the k of each stage
// and add their sums in shared memory. A model of the time (kernels/products/plan.h) chooses tile and splits.
//
// For the size of the table it chose tiles of 32 x 32, with 8 warps that share the k of a stage
// (kernels/products/tiling.h, the last of multiply_add_tilings). So sectors and passes are more than version 6's and
// the way of a block is shorter: **32** blocks instead of **8**, in one launch, for **3.60** times the floor instead of
// **3.20** and **122,880** passes instead of **35,840**. A thread makes 8 x 4 sums, and reads more for each; and
// **40,960** of the passes write, where version 6 wrote 3,072: most are the warps' sums, which are stored number by
// number with conflicts of four lanes before they are added. nvcc stores and reads them 16 bytes at a time instead
// (docs/kernels/index.md), so a GPU takes fewer.
//
// Addresses are moved by additions instead of being computed for every piece, matrices may be transposed, bias and
// activation are applied before a sum leaves its register, and operands that are not aligned have a kernel, of single
// numbers. On a GPU whose user does not ask for exact float32, version 8's arithmetic competes with this one.
#include "kernels/ladder/gemm/workspace.h"
#include "kernels/ladder/rung.h"

namespace kantor::KANTOR_BACKEND {
namespace {

void run(const ladder::Arrays& a, Stream stream) {
  const GemmCall call = ladder::gemm::engine_call(a.sizes, a.inputs[0], a.inputs[1], a.outputs[0]);
  tile_gemm(call, ladder::gemm::engine_plan(call),
            {ladder::gemm::partial_sums(a.workspace), reinterpret_cast<unsigned*>(a.workspace)}, stream);
}

KANTOR_RUNG(gemm, 10, "the engine's, in float32", run, .production = true, .follows = 6);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
