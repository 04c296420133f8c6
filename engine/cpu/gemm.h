// Matrix products on the CPU, row-major. Cut into tiles by shape alone; each tile runs on one thread, through oneDNN
// for float32 where it is found and through Eigen elsewhere, so that the bits do not depend on the threads.
#pragma once

#include "engine/ops.h"

#include <cstdint>

namespace kantor::cpu {

/// C [m, n] = op(A) op(B) (+ C where `add`), with row strides; on the calling thread. 2 m n k FLOPs.
template <class T>
void gemm_tile(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b,
               int64_t ldb, T* c, int64_t ldc, bool add = false);

/// What happens to a tile while it is in cache: c = f(c + bias), bias [n] or null.
template <class T>
struct Epilogue {
  const T* bias = nullptr;
  Activation activation = {};
};

/// Applies it to a tile c [m, n] with row stride ldc; the epilogue's bias is that of the tile's columns.
template <class T>
void apply_epilogue(const Epilogue<T>& epilogue, int64_t m, int64_t n, T* c, int64_t ldc);

/// C [m, n] = f(op(A) op(B) + bias), dense, on all threads.
template <class T>
void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const T* a, const T* b, T* c,
          Epilogue<T> epilogue = {});

}  // namespace kantor::cpu
