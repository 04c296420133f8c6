// Version 6: until now the number of blocks grew with the array, and each block paid for its tree. Now a block takes
// 4096 elements at the least, and there are at most 792 blocks, as many as an H100 holds at once (132 multiprocessors
// with 6 blocks each, because 256 threads of 40 registers leave no room for a seventh). A thread goes through the array
// in strides of the whole grid, adds what it meets in registers, four separate sums, and the tree comes once, at the
// end. A million elements take **245** trees instead of **1,954**, and a hundred million 792 instead of 195,313. So
// barriers and shared memory no longer count: **33,456** passes instead of **109,704**.
//
// The first launch shrinks the array to at most 792 sums, so **2** launches are enough for any size, and the sums of
// blocks are 6 KB at most.
//
// What is left is the memory itself. It delivers bytes at a rate, but each byte after a delay, so that at any time rate
// x delay bytes must have been asked for. If each of 2048 threads of a multiprocessor waits for one float, 8 KB are on
// their way. Here a thread asks for 16 bytes with one instruction, and makes four such requests before it uses the
// first: 96 KB from 1536 threads. And of the load instructions three in four are saved: **8,064** accesses of all warps
// instead of **33,272** for a million elements. How much of that shows depends on the delay, which was not measured.
//
// For small arrays it is a step back: 70,000 elements are **18** blocks on as many multiprocessors, where version 5 had
// **137** blocks on all of them.
#include "kernels/block.h"
#include "kernels/ladder/sum/repeated.h"
#include "kernels/pack.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int threads = 256;
constexpr int64_t most_blocks = 792, least_per_block = 4096;

template <class T>
__global__ void __launch_bounds__(threads)
    many_elements_kernel(const T* __restrict__ x, int64_t n, double* sums, float* result) {
  constexpr int width = Pack<T>::width;
  __shared__ double scratch[32];
  const int64_t thread = int64_t(blockIdx.x) * threads + threadIdx.x, stride = int64_t(gridDim.x) * threads;
  double mine[width] = {};
#pragma unroll 4
  for (int64_t pack = thread; pack < n / width; pack += stride) {
    const Pack<T> four = load_pack(x + pack * width);
    for (int k = 0; k < width; ++k) mine[k] += double(four.v[k]);
  }
  const int64_t rest = n / width * width + thread;  // what no pack holds, at most width - 1 elements
  double total = rest < n ? double(x[rest]) : 0;
  for (int k = 0; k < width; ++k) total += mine[k];
  total = block_sum(total, scratch);
  if (threadIdx.x == 0) keep_sum(total, sums, result);
}

void run(const ladder::Arrays& a, Stream stream) {
  const int64_t share = (a.sizes[0] + most_blocks - 1) / most_blocks;
  sum_repeatedly(a, share > least_per_block ? share : least_per_block,
                 [&]<class T>(const T* x, int64_t n, double* sums, unsigned blocks) {
                   launch<many_elements_kernel<T>>({blocks, threads, 0, stream}, x, n, sums, a.outputs[0]);
                 });
}

KANTOR_RUNG(sum, 6, "a fixed grid, 16 bytes a load, sums in registers", run);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
