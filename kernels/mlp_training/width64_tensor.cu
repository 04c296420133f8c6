// Kernels for hidden layers of up to 64 units, on tensor cores.
#include "kernels/mlp_training/start.h"

namespace kantor::KANTOR_BACKEND {

template struct MlpKernel<64, 48, MlpMatrices::resident, Arithmetic::three_tf32>;
template struct MlpKernel<64, 24, MlpMatrices::resident, Arithmetic::three_tf32>;
template struct MlpKernel<64, 12, MlpMatrices::resident, Arithmetic::three_tf32>;

}  // namespace kantor::KANTOR_BACKEND
