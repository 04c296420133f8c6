// Version 5: once 64 elements are left, a single warp is at work, and the other seven only come to the barriers. A warp
// needs neither barriers nor shared memory for what follows: with a shuffle each thread reads a register of another
// thread of its warp, and the shuffle itself makes the 32 threads wait for each other. So the tree ends after two steps
// in shared memory, and one warp adds the rest: two elements a thread, then five exchanges.
//
// Of 9 barriers 3 are left. By the estimate of version 1, they take elements / 512 x 3 x 0.021 / (132 x 8) = 12 us for
// a hundred million elements, where they took 35 in version 4. And the six last steps touch nothing in shared memory
// but the 64 elements that the warp takes over: with a million elements **109,704** passes instead of **144,966**, in
// **54,852** accesses instead of **88,155**. (An access takes **2.00** passes where it took **1.64**, because those
// that are gone had few lanes; all that are left are doubles of whole warps, which take two.) Bytes and launches are
// the same.
#include "kernels/block.h"
#include "kernels/ladder/sum/repeated.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int threads = 256;

template <class T>
__global__ void last_warp_kernel(const T* x, int64_t n, double* sums, float* result) {
  __shared__ double part[threads];
  const int t = threadIdx.x;
  const int64_t i = int64_t(blockIdx.x) * (2 * threads) + t;
  const double first = i < n ? double(x[i]) : 0, second = i + threads < n ? double(x[i + threads]) : 0;
  part[t] = first + second;
  __syncthreads();
  for (int step = threads / 2; step > 32; step /= 2) {
    if (t < step) part[t] += part[t + step];
    __syncthreads();
  }
  if (t >= 32) return;
  const double sum = warp_sum(part[t] + part[t + 32]);
  if (t == 0) keep_sum(sum, sums, result);
}

void run(const ladder::Arrays& a, Stream stream) {
  sum_repeatedly(a, 2 * threads, [&]<class T>(const T* x, int64_t n, double* sums, unsigned blocks) {
    launch<last_warp_kernel<T>>({blocks, threads, 0, stream}, x, n, sums, a.outputs[0]);
  });
}

KANTOR_RUNG(sum, 5, "the last warp adds by shuffles", run);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
