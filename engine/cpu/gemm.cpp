#include "engine/cpu/gemm.h"

#include "engine/cpu/activation.h"
#include "engine/cpu/parallel.h"
#include "engine/cpu/scratch.h"

#include <Eigen/Core>
#include <algorithm>
#include <type_traits>

#ifdef KANTOR_HAS_ONEDNN
#include <dnnl.h>
#include <omp.h>
#endif

namespace kantor::cpu {
namespace {

struct TileShape {
  int64_t rows, columns;
};
/// Both of as many elements. The wide one takes all columns of a narrow C, so that oneDNN copies each row of A once;
/// the tall one copies B less often, which is what counts where B is transposed or deep.
constexpr TileShape tall{128, 256}, wide{64, 512};
constexpr int64_t deepest_wide = 768;  // rows of B

TileShape tile_shape(bool transpose_b, int64_t n, int64_t k) {
  return !transpose_b && n > tall.columns && n <= wide.columns && k <= deepest_wide ? wide : tall;
}

struct KeptOutput {};

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using ConstMap = Eigen::Map<const Matrix<T>, 0, Eigen::OuterStride<>>;

template <class T>
void eigen_tile(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb,
                T* c, int64_t ldc, bool add) {
  const ConstMap<T> ma(a, ta ? k : m, ta ? m : k, Eigen::OuterStride<>(lda));
  const ConstMap<T> mb(b, tb ? n : k, tb ? k : n, Eigen::OuterStride<>(ldb));
  Eigen::Map<Matrix<T>, 0, Eigen::OuterStride<>> mc(c, m, n, Eigen::OuterStride<>(ldc));
  const auto store = [&](const auto& product) {
    if (add) {
      mc.noalias() += product;
    } else {
      mc.noalias() = product;
    }
  };
  if (ta && tb) {
    store(ma.transpose() * mb.transpose());
  } else if (ta) {
    store(ma.transpose() * mb);
  } else if (tb) {
    store(ma * mb.transpose());
  } else {
    store(ma * mb);
  }
}

#ifdef KANTOR_HAS_ONEDNN
/// oneDNN would start its own team of threads and cut the tile by the team's size. Bits would depend on the threads,
/// which also wait for each other however busy the machine is. Restores the thread's setting when it ends.
class OneThread {
 public:
  OneThread() : previous_(omp_get_max_threads()) {
    if (previous_ != 1) omp_set_num_threads(1);
  }
  ~OneThread() {
    if (previous_ != 1) omp_set_num_threads(previous_);
  }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int previous_;
};
#endif

}  // namespace

template <class T>
void gemm_tile(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb,
               T* c, int64_t ldc, bool add) {
  if (m == 0 || n == 0) return;
  if (k == 0) {
    for (int64_t i = 0; i < m && !add; ++i) std::fill_n(c + i * ldc, n, T(0));
    return;
  }
#ifdef KANTOR_HAS_ONEDNN
  if constexpr (std::is_same_v<T, float>) {
    const OneThread one_thread;
    if (dnnl_sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', m, n, k, 1.0F, a, lda, b, ldb, add ? 1.0F : 0.0F, c, ldc) ==
        dnnl_success) {
      return;
    }
  }
#endif
  eigen_tile(ta, tb, m, n, k, a, lda, b, ldb, c, ldc, add);
}

template <class T>
TileEpilogue<T>::TileEpilogue(const Epilogue<T>& epilogue, const T* result, const Tile<T>& tile)
    : epilogue_(epilogue), tile_(tile) {
  if (epilogue.output == nullptr) return;
  output_ = epilogue.output + (tile.first - result);
  output_stride_ = tile.stride;
  if (epilogue.output != result) return;
  T* kept = scratch<T, KeptOutput>(tile.rows * tile.columns);
  for (int64_t i = 0; i < tile.rows; ++i) {
    std::copy_n(output_ + i * tile.stride, tile.columns, kept + i * tile.columns);
  }
  output_ = kept;
  output_stride_ = tile.columns;
}

template <class T>
void TileEpilogue<T>::apply() const {
  if (epilogue_.empty()) return;
  for (int64_t i = 0; i < tile_.rows; ++i) {
    T* row = tile_.first + i * tile_.stride;
    if (output_ != nullptr) {
      activation_grad_run(epilogue_.activation, row, output_ + i * output_stride_, row, tile_.columns);
      continue;
    }
    if (epilogue_.bias != nullptr) {
      const T* bias = epilogue_.bias + tile_.channel;
      for (int64_t j = 0; j < tile_.columns; ++j) row[j] += bias[j];
    }
    activate_run(epilogue_.activation, row, tile_.columns);
  }
}

template <class T>
void gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const T* a, const T* b, T* c,
          const Epilogue<T>& epilogue) {
  const int64_t lda = ta ? m : k, ldb = tb ? k : n;
  const TileShape shape = tile_shape(tb, n, k);
  const int64_t down = (m + shape.rows - 1) / shape.rows, across = (n + shape.columns - 1) / shape.columns;
  const double work = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) / 8;
  for_pieces(down * across, work, [&](int64_t piece) {
    const int64_t i = piece / across * shape.rows, j = piece % across * shape.columns;
    const Tile<T> tile{c + i * n + j, std::min(shape.rows, m - i), std::min(shape.columns, n - j), n, j};
    const TileEpilogue<T> finish(epilogue, c, tile);
    gemm_tile(ta, tb, tile.rows, tile.columns, k, a + (ta ? i : i * lda), lda, b + (tb ? j * ldb : j), ldb, tile.first,
              n);
    finish.apply();
  });
}

template void gemm_tile<float>(bool, bool, int64_t, int64_t, int64_t, const float*, int64_t, const float*, int64_t,
                               float*, int64_t, bool);
template void gemm_tile<double>(bool, bool, int64_t, int64_t, int64_t, const double*, int64_t, const double*, int64_t,
                                double*, int64_t, bool);
template class TileEpilogue<float>;
template class TileEpilogue<double>;
template void gemm<float>(bool, bool, int64_t, int64_t, int64_t, const float*, const float*, float*,
                          const Epilogue<float>&);
template void gemm<double>(bool, bool, int64_t, int64_t, int64_t, const double*, const double*, double*,
                           const Epilogue<double>&);

}  // namespace kantor::cpu
