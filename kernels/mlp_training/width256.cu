// Kernels for hidden layers of 129 to 256 units.
#include "kernels/mlp_training/start.h"

namespace kantor::KANTOR_BACKEND {

template struct MlpKernel<256, 24, MlpMatrices::streamed>;
template struct MlpKernel<256, 12, MlpMatrices::streamed>;
template struct MlpKernel<256, 6, MlpMatrices::streamed>;

}  // namespace kantor::KANTOR_BACKEND
