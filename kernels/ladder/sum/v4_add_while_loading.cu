// Version 4: half of version 3's threads load an element and never add one. Now each thread loads two elements, 256
// apart, and adds them in a register before the tree begins. A block takes 512 elements and its tree is as before: 9
// barriers and 12 additions of a warp, for twice as many elements.
//
// So there are half as many blocks (**1,954** for a million elements instead of **3,907**), half as many barriers
// (elements / 512 x 9), half as many passes over shared memory (**144,966** instead of **290,376**) and half as many
// sums of blocks to write and to read again: **1.02** times the floor instead of **1.04**. An array shrinks by 512 a
// launch, so that 70,000 elements need **2** launches and not **3**, and a hundred million 3 and not 4; for a million
// it is 3 in both. What a thread waits for is also better used: it has two loads on their way at a time.
#include "kernels/ladder/sum/repeated.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int threads = 256;

template <class T>
__global__ void add_while_loading_kernel(const T* x, int64_t n, double* sums, float* result) {
  __shared__ double part[threads];
  const int t = threadIdx.x;
  const int64_t i = int64_t(blockIdx.x) * (2 * threads) + t;
  const double first = i < n ? double(x[i]) : 0, second = i + threads < n ? double(x[i + threads]) : 0;
  part[t] = first + second;
  __syncthreads();
  for (int step = threads / 2; step > 0; step /= 2) {
    if (t < step) part[t] += part[t + step];
    __syncthreads();
  }
  if (t == 0) keep_sum(part[0], sums, result);
}

void run(const ladder::Arrays& a, Stream stream) {
  sum_repeatedly(a, 2 * threads, [&]<class T>(const T* x, int64_t n, double* sums, unsigned blocks) {
    launch<add_while_loading_kernel<T>>({blocks, threads, 0, stream}, x, n, sums, a.outputs[0]);
  });
}

KANTOR_RUNG(sum, 4, "a thread adds two elements as it loads them", run);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
