// Sums over the middle axis: blocks of rows and chunks of columns in parallel, then the blocks in order.
#include "engine/cpu/reduce.h"

#include "engine/cpu/parallel.h"

#include <algorithm>
#include <vector>

namespace kantor::cpu {

template <class T>
void sum_middle(const T* x, T* y, int64_t outer, int64_t n, int64_t inner) {
  constexpr int64_t chunk = 1024;  // columns whose sums stay in the first cache
  const int64_t width = std::min(std::max<int64_t>(inner, 1), chunk);
  const int64_t chunks = (inner + chunk - 1) / chunk;
  const int64_t block = std::max<int64_t>(64, 2 * piece_elements / width / 64 * 64);
  const int64_t blocks = std::max<int64_t>(1, (n + block - 1) / block);
  const int64_t group = std::max<int64_t>(1, piece_elements / std::max<int64_t>(1, n * inner));  // outers per piece
  const auto work = static_cast<double>(outer) * static_cast<double>(n) * static_cast<double>(inner);
  std::vector<double> partial(static_cast<size_t>(outer * blocks * inner));
  for_pieces((outer + group - 1) / group * blocks * chunks, work, [&](int64_t p) {
    const int64_t left = p % chunks * chunk, columns = std::min(inner - left, chunk);
    const int64_t b = p / chunks % blocks, first = p / chunks / blocks * group;
    const int64_t begin = b * block, end = std::min(n, begin + block);
    for (int64_t o = first; o < std::min(outer, first + group); ++o) {
      double* sums = partial.data() + (o * blocks + b) * inner + left;
      const T* run = x + (o * n + begin) * inner + left;
      if (inner == 1) {
        sums[0] = sum_run(run, end - begin, [](double v) { return v; });
        continue;
      }
      for (int64_t r = begin; r < end; ++r, run += inner) {
        for (int64_t i = 0; i < columns; ++i) sums[i] += static_cast<double>(run[i]);
      }
    }
  });
  for (int64_t o = 0; o < outer; ++o) {
    double* sums = partial.data() + o * blocks * inner;
    for (int64_t b = 1; b < blocks; ++b) {
      for (int64_t i = 0; i < inner; ++i) sums[i] += sums[b * inner + i];
    }
    for (int64_t i = 0; i < inner; ++i) y[o * inner + i] = static_cast<T>(sums[i]);
  }
}

template void sum_middle<float>(const float*, float*, int64_t, int64_t, int64_t);
template void sum_middle<double>(const double*, double*, int64_t, int64_t, int64_t);

}  // namespace kantor::cpu
