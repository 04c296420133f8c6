// Kernels for hidden layers of 65 to 128 units whose matrices do not fit into a block's shared memory, on tensor cores.
#include "kernels/mlp_training/start.h"

namespace kantor::KANTOR_BACKEND {

template struct MlpKernel<128, 24, MlpMatrices::streamed, Arithmetic::three_tf32>;
template struct MlpKernel<128, 12, MlpMatrices::streamed, Arithmetic::three_tf32>;
template struct MlpKernel<128, 6, MlpMatrices::streamed, Arithmetic::three_tf32>;

}  // namespace kantor::KANTOR_BACKEND
