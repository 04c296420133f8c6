// Version 3: the tree from the other end. In step s = 128, 64, ..., 1 thread t < s adds element t + s to element t: the
// second half of what is left is added to the first. The threads that add are again the first ones, 12 additions of a
// warp, and now their elements are neighbours too. Every bank of shared memory has one request at a time, in all eight
// steps, where version 2 had up to 16: an access takes **1.64** passes instead of **5.64** (doubles of a whole warp
// take two), and a million elements **290,376** instead of **996,696**, 3.4 times less.
//
// Only the order of the additions has changed. It is still fixed: the tree depends on the number of elements and on
// nothing else, so two runs give the same bits. Bytes, launches and the 9 barriers for 256 elements are the same.
#include "kernels/ladder/sum/repeated.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int threads = 256;

template <class T>
__global__ void neighbours_kernel(const T* x, int64_t n, double* sums, float* result) {
  __shared__ double part[threads];
  const int t = threadIdx.x;
  const int64_t i = int64_t(blockIdx.x) * threads + t;
  part[t] = i < n ? double(x[i]) : 0;
  __syncthreads();
  for (int step = threads / 2; step > 0; step /= 2) {
    if (t < step) part[t] += part[t + step];
    __syncthreads();
  }
  if (t == 0) keep_sum(part[0], sums, result);
}

void run(const ladder::Arrays& a, Stream stream) {
  sum_repeatedly(a, threads, [&]<class T>(const T* x, int64_t n, double* sums, unsigned blocks) {
    launch<neighbours_kernel<T>>({blocks, threads, 0, stream}, x, n, sums, a.outputs[0]);
  });
}

KANTOR_RUNG(sum, 3, "neighbouring threads add neighbouring elements", run);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
