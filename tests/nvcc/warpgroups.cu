// The kernels of warpgroups for one layout of matrices, for warpgroups_test, which looks at what nvcc makes of them.
#include "kernels/backend.h"
#include "kernels/products/launch_tiles.h"

namespace kantor::cuda {

using Product = OneProduct<Matrix<true>, Matrix<false>>;

void launch_all(const Product& product, const TileLaunch& l) {
  launch_tile<Arithmetic::tf32, first_of_warpgroups, 4, 4>(product, l);
  launch_tile<Arithmetic::tf32, first_of_warpgroups + 1, 4, 4>(product, l);
  launch_tile<Arithmetic::bf16, first_of_warpgroups, 4, 4>(product, l);
  launch_tile<Arithmetic::bf16, first_of_warpgroups + 1, 4, 4>(product, l);
}

}  // namespace kantor::cuda
