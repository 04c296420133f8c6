// GroupSort. In groups of 2, each pair of x takes the order that sorts the key's pair. The activation itself has x as
// key; its derivative, and every further one, is the same exchange of a gradient. In groups of g, it gives the sorted
// group and where each element came from; a derivative permutes a gradient back, and the next one forth again.
//
// Pairs. Bytes: one read of x and of the key (once where they are the same), one write. A thread takes 16 bytes, where
// everything is aligned to them, else one pair: then each of its loads touches every sector of the warp's 256 bytes.
//
// Groups. Bytes: one read of x, one write of y, 8 bytes an element for the origins; 2 g compares an element. A thread
// counts how many of its group come before its element and writes there. No exchanges, no barriers, any g. The lanes of
// a warp mostly share a group, so that each load of it is one broadcast. A merge would compare log2 g times an element,
// in log2 g rounds with a barrier each; here all compares are independent. Where compares overtake bytes was not
// measured on a GPU. Moving: 8 bytes an element read for the origin, one element read and one written.
#include "kernels/backend.h"
#include "kernels/group_sort.h"
#include "kernels/pack.h"

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

/// The same for packs.
template <class T>
__global__ void order_packs_kernel(const T* x, const T* key, T* y, int64_t packs) {
  constexpr int n = Pack<T>::width;
  const int64_t i = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) * n;
  if (i >= packs * n) return;
  Pack<T> pack = load_pack(x + i);
  const Pack<T> keys = key == x ? pack : load_pack(key + i);
  for (int k = 0; k < n; k += 2) {
    const T first = pack.v[k], second = pack.v[k + 1];
    const bool exchanged = keys.v[k] > keys.v[k + 1];
    pack.v[k] = exchanged ? second : first;
    pack.v[k + 1] = exchanged ? first : second;
  }
  store_pack(y + i, pack);
}

/// Whether (a, at i) comes before (b, at j): smaller first, NaN last, equal ones in their order.
template <class T>
__device__ bool before(T a, int64_t i, T b, int64_t j) {
  const bool a_last = a != a, b_last = b != b;
  if (a_last != b_last) return b_last;
  if (a < b) return true;
  return !(b < a) && i < j;
}

template <class T>
__global__ void sort_groups_kernel(const T* x, T* y, int64_t* origin, int64_t size, int64_t group) {
  const int64_t element = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (element >= size) return;
  const int64_t first = element - element % group, place = element - first;
  const T value = x[element];
  int64_t rank = 0;
  for (int64_t i = 0; i < group; ++i) rank += before(x[first + i], i, value, place) ? 1 : 0;
  y[first + rank] = value;
  origin[first + rank] = place;
}

template <class T>
__global__ void move_in_groups_kernel(const T* x, const int64_t* origin, T* y, int64_t size, int64_t group, bool back) {
  const int64_t element = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (element >= size) return;
  const int64_t other = element - element % group + origin[element];
  if (back) {
    y[other] = x[element];
  } else {
    y[element] = x[other];
  }
}

}  // namespace

template <class T>
void maxmin(const T* x, const T* key, T* y, int64_t pairs, Stream stream) {
  if (pairs == 0) return;
  if (2 * pairs % Pack<T>::width == 0 && aligned(x) && aligned(key) && aligned(y)) {
    const int64_t packs = 2 * pairs / Pack<T>::width;
    launch<order_packs_kernel<T>>({blocks_for(packs, block), block, 0, stream}, x, key, y, packs);
    return;
  }
  launch<order_pairs_kernel<T>>({blocks_for(pairs, block), block, 0, stream}, x, key, y, pairs);
}

template <class T>
void sort_groups(const T* x, T* y, int64_t* origin, int64_t size, int64_t group, Stream stream) {
  if (size == 0) return;
  launch<sort_groups_kernel<T>>({blocks_for(size, block), block, 0, stream}, x, y, origin, size, group);
}

template <class T>
void permute_groups(const T* x, const int64_t* origin, T* y, int64_t size, int64_t group, bool back, Stream stream) {
  if (size == 0) return;
  launch<move_in_groups_kernel<T>>({blocks_for(size, block), block, 0, stream}, x, origin, y, size, group, back);
}

template void maxmin(const float*, const float*, float*, int64_t, Stream);
template void maxmin(const double*, const double*, double*, int64_t, Stream);
template void sort_groups(const float*, float*, int64_t*, int64_t, int64_t, Stream);
template void sort_groups(const double*, double*, int64_t*, int64_t, int64_t, Stream);
template void permute_groups(const float*, const int64_t*, float*, int64_t, int64_t, bool, Stream);
template void permute_groups(const double*, const int64_t*, double*, int64_t, int64_t, bool, Stream);

}  // namespace kantor::KANTOR_BACKEND
