// The library beside the ladder: cuBLAS in float32, on GPUs where it can be loaded. Nothing is read of it but its time.
#include "kernels/ladder/rung.h"

#ifdef __CUDACC__
#include "kernels/cuda/cublas.h"

namespace kantor::cuda {
namespace {

void run(const ladder::Arrays& a, Stream stream) {
  library_gemm(false, false, a.sizes[0], a.sizes[1], a.sizes[2], a.inputs[0], a.inputs[1], a.outputs[0], false, stream);
}

KANTOR_RUNG(
    gemm, 0, "cuBLAS", run, .takes = [](const ladder::Sizes&) { return why_no_cublas().empty(); });

}  // namespace
}  // namespace kantor::cuda
#endif
