// Version 1: the first idea of a parallel sum. A block of 256 threads copies 256 elements to shared memory, as doubles,
// and adds them as a tree: in step s = 1, 2, 4, ..., 128 each thread whose number is a multiple of 2s adds the element
// that lies s places further on. That leaves one sum a block. The same kernel, for doubles, then adds the sums of
// blocks, until there is only one block: log_256(elements) launches, rounded up, **3** for a million elements and 4 for
// a hundred million.
//
// Bytes are not the trouble. Each element is read once, 4 bytes, and a block's sum, 8 bytes, is written for every 256
// elements, and read again. As a lone number takes a sector of 32 bytes, that comes to **1.04** times the floor.
//
// The trouble is what the tree does with the threads. The 32 threads of a warp go through one instruction together, and
// those that have nothing to add wait for those that do. In steps 1 to 16 every one of the eight warps still has a
// thread that adds, so all eight warps execute the addition, for the sake of 16, 8, 4, 2 and in the end 1 of their 32
// threads. With 4, 2 and 1 warps in the last three steps that is 5 x 8 + 4 + 2 + 1 = 47 additions of a warp a block,
// for 255 additions of a thread; a warp could do 32 at once. With a million elements the warps access shared memory
// 588,600 times, 150 times a block: 3 for each addition, and 9 around them.
//
// Besides, every step ends at a barrier, where all warps wait for the slowest: 9 barriers for 256 elements. On an H100
// a barrier of 256 threads took 0.021 us (bench/results/h100-2026-11-28/facts.jsonl). Its 132 multiprocessors hold 8
// such blocks each, so the barriers alone of a hundred million elements come to elements / 256 x 9 x 0.021 / (132 x 8)
// = 70 us, half of the 133 us in which 3 TB/s bring the elements in.
#include "kernels/ladder/sum/repeated.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int threads = 256;

template <class T>
__global__ void divergent_tree_kernel(const T* x, int64_t n, double* sums, float* result) {
  __shared__ double part[threads];
  const int t = threadIdx.x;
  const int64_t i = int64_t(blockIdx.x) * threads + t;
  part[t] = i < n ? double(x[i]) : 0;
  __syncthreads();
  for (int step = 1; step < threads; step *= 2) {
    if (t % (2 * step) == 0) part[t] += part[t + step];
    __syncthreads();
  }
  if (t == 0) keep_sum(part[0], sums, result);
}

void run(const ladder::Arrays& a, Stream stream) {
  sum_repeatedly(a, threads, [&]<class T>(const T* x, int64_t n, double* sums, unsigned blocks) {
    launch<divergent_tree_kernel<T>>({blocks, threads, 0, stream}, x, n, sums, a.outputs[0]);
  });
}

KANTOR_RUNG(sum, 1, "a tree in shared memory, every 2s-th thread adds", run);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
