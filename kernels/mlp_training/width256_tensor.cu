// Kernels for hidden layers of 129 to 256 units, on tensor cores.
#include "kernels/mlp_training/start.h"

namespace kantor::KANTOR_BACKEND {

template struct MlpKernel<256, 24, MlpMatrices::streamed, Arithmetic::three_tf32>;
template struct MlpKernel<256, 12, MlpMatrices::streamed, Arithmetic::three_tf32>;
template struct MlpKernel<256, 6, MlpMatrices::streamed, Arithmetic::three_tf32>;

}  // namespace kantor::KANTOR_BACKEND
