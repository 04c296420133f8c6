// GroupSort in groups of 2: each pair of x in the order that sorts the key's pair. The activation itself has x as its
// key; its derivative, and every further one, is the same exchange of a gradient.
//
// Bytes: one read of x and of the key (once where they are the same), one write. A thread takes one pair: its two loads
// lie side by side, so a warp reads 256 bytes in a row and the second load of each hits L1.
#include "kernels/backend.h"
#include "kernels/group_sort.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int block = 256;

template <class T>
__global__ void order_pairs_kernel(const T* x, const T* key, T* y, int64_t pairs) {
  const int64_t pair = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (pair >= pairs) return;
  const int64_t i = 2 * pair;
  const bool exchanged = key[i] > key[i + 1];
  const T first = x[i], second = x[i + 1];
  y[i] = exchanged ? second : first;
  y[i + 1] = exchanged ? first : second;
}

}  // namespace

template <class T>
void order_pairs(const T* x, const T* key, T* y, int64_t pairs, Stream stream) {
  if (pairs == 0) return;
  launch<order_pairs_kernel<T>>({blocks_for(pairs, block), block, 0, stream}, x, key, y, pairs);
}

template void order_pairs(const float*, const float*, float*, int64_t, Stream);
template void order_pairs(const double*, const double*, double*, int64_t, Stream);

}  // namespace kantor::KANTOR_BACKEND
