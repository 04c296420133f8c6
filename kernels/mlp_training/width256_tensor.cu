// Kernels for hidden layers of 129 to 256 units, on tensor cores.
#include "kernels/mlp_training/start.h"

namespace kantor::KANTOR_BACKEND {

template struct MlpKernel<256, 24, Arithmetic::three_tf32>;
template struct MlpKernel<256, 12, Arithmetic::three_tf32>;
template struct MlpKernel<256, 6, Arithmetic::three_tf32>;

}  // namespace kantor::KANTOR_BACKEND
