// Matrix products on the CPU, row-major. Cut into tiles by shape alone; each tile runs on one thread, through oneDNN
// for float32 where it is found and through Eigen elsewhere, so that the bits do not depend on the threads.
#pragma once

#include "kernels/epilogue.h"

#include <cstdint>

namespace kantor::cpu {

/// C [m, n] = op(A) op(B) (+ C where `add`), with row strides; on the calling thread. 2 m n k FLOPs.
template <class T>
void gemm_tile(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b,
               int64_t ldb, T* c, int64_t ldc, bool add = false);

/// A tile of a result: `rows` times `columns` elements from `first` on, rows `stride` apart, whose first column is the
/// result's `channel`.
template <class T>
struct Tile {
  T* first;
  int64_t rows, columns, stride, channel;
};

/// The epilogue of one tile, which is made before the tile is computed and applied after it, while that is in cache.
template <class T>
class TileEpilogue {
 public:
  /// `result` is where the tile's result begins. If the tile will overwrite the epilogue's `output`, that is kept.
  TileEpilogue(const Epilogue<T>& epilogue, const T* result, const Tile<T>& tile);
  void apply() const;

 private:
  const Epilogue<T>& epilogue_;
  Tile<T> tile_;
  const T* output_ = nullptr;  // the epilogue's, of the tile
  int64_t output_stride_ = 0;
};

/// C [m, n] = epilogue(op(A) op(B)), dense, on all threads.
template <class T>
void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const T* a, const T* b, T* c,
          const Epilogue<T>& epilogue = {});

}  // namespace kantor::cpu
