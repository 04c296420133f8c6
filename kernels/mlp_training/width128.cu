// Kernels for hidden layers of 65 to 128 units.
#include "kernels/mlp_training/start.h"

namespace kantor::KANTOR_BACKEND {

template struct MlpKernel<128, 24, MlpMatrices::resident>;
template struct MlpKernel<128, 12, MlpMatrices::resident>;
template struct MlpKernel<128, 6, MlpMatrices::resident>;

}  // namespace kantor::KANTOR_BACKEND
