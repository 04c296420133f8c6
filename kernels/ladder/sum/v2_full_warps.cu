// Version 2: the same tree, and the same additions, but other threads do them. In step s thread t adds the element s
// places after element 2s t, so that the threads that add are neighbours: the first 128, then the first 64, 32, 16, ...
// A warp now either has 32 threads at work or, while there are more than 32, none, and skips the addition: 4 + 2 + 1
// additions of a warp in the first three steps and 1 in each of the last five, 12 in place of 47. With a million
// elements that is **176,580** accesses to shared memory by warps, with all that belongs to them, instead of
// **588,600**.
//
// But not a single pass is saved: **996,696** in both versions. Shared memory has 32 banks of 4 bytes, and serves a
// bank one request at a time. An element is a double, two banks wide, so 16 threads are served at once if their
// elements lie side by side. Here they lie 2s elements apart: 2 requests meet in a bank in step 1, 4 in step 2, 8 in
// step 4 and 16 in step 8, where all 16 threads that add ask for the same two banks and are served one after the other.
// (The picture shows accesses of 16 passes.) Version 1 had no such conflicts, because its few busy threads lay as far
// apart as their elements; it took as many passes with fewer threads in each. So an access takes **5.64** passes, where
// **1.64** would do, and what is gained is instructions alone. Bytes, launches and barriers are the same.
#include "kernels/ladder/sum/repeated.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int threads = 256;

template <class T>
__global__ void full_warps_kernel(const T* x, int64_t n, double* sums, float* result) {
  __shared__ double part[threads];
  const int t = threadIdx.x;
  const int64_t i = int64_t(blockIdx.x) * threads + t;
  part[t] = i < n ? double(x[i]) : 0;
  __syncthreads();
  for (int step = 1; step < threads; step *= 2) {
    const int at = 2 * step * t;
    if (at < threads) part[at] += part[at + step];
    __syncthreads();
  }
  if (t == 0) keep_sum(part[0], sums, result);
}

void run(const ladder::Arrays& a, Stream stream) {
  sum_repeatedly(a, threads, [&]<class T>(const T* x, int64_t n, double* sums, unsigned blocks) {
    launch<full_warps_kernel<T>>({blocks, threads, 0, stream}, x, n, sums, a.outputs[0]);
  });
}

KANTOR_RUNG(sum, 2, "the first threads add, bank conflicts", run);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
