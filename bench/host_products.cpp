#include "bench/host_products.h"

#include "engine/threads.h"
#include "kernels/host/threads.h"

#include <Eigen/Core>
#include <algorithm>
#include <dlfcn.h>

#ifdef KANTOR_HAS_ONEDNN
#include <dnnl.h>
#include <omp.h>
#endif

namespace kantor {
namespace {

/// Calls run(first row, rows) on each thread, of stripes that are alike.
template <class F>
void in_stripes(int64_t n, const F& run) {
  const int64_t stripe = (n + threads() - 1) / threads();
  host::for_each_piece((n + stripe - 1) / stripe,
                       [&](int64_t p) { run(p * stripe, std::min(stripe, n - p * stripe)); });
}

void by_eigen(int64_t n, const float* a, const float* b, float* c) {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  in_stripes(n, [&](int64_t first, int64_t rows) {
    Eigen::Map<Matrix>(c + first * n, rows, n).noalias() =
        Eigen::Map<const Matrix>(a + first * n, rows, n) * Eigen::Map<const Matrix>(b, n, n);
  });
}

#ifdef KANTOR_HAS_ONEDNN
void by_onednn(int64_t n, const float* a, const float* b, float* c) {
  const int before = omp_get_max_threads();
  omp_set_num_threads(threads());
  dnnl_sgemm('N', 'N', n, n, n, 1, a, n, b, n, 0, c, n);
  omp_set_num_threads(before);
}
void by_onednn_in_stripes(int64_t n, const float* a, const float* b, float* c) {
  in_stripes(n, [&](int64_t first, int64_t rows) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(1);
    dnnl_sgemm('N', 'N', rows, n, n, 1, a + first * n, n, b, n, 0, c + first * n, n);
    omp_set_num_threads(before);
  });
}
#endif

/// OpenBLAS's C interface, which has been the same since its first version.
void add_openblas(std::vector<HostProduct>& all) {
  void* library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return;
  using Sgemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*, int);
  const auto sgemm = reinterpret_cast<Sgemm>(dlsym(library, "cblas_sgemm"));
  const auto set_count = reinterpret_cast<void (*)(int)>(dlsym(library, "openblas_set_num_threads"));
  if (sgemm == nullptr) return;
  all.push_back({"OpenBLAS", [sgemm, set_count](int64_t n, const float* a, const float* b, float* c) {
                   constexpr int row_major = 101, as_it_is = 111;
                   if (set_count != nullptr) set_count(threads());
                   const int edge = static_cast<int>(n);
                   sgemm(row_major, as_it_is, as_it_is, edge, edge, edge, 1, a, edge, b, edge, 0, c, edge);
                 }});
}

}  // namespace

const std::vector<HostProduct>& host_products() {
  static const std::vector<HostProduct> all = [] {
    std::vector<HostProduct> found;
#ifdef KANTOR_HAS_ONEDNN
    found.push_back({"oneDNN", by_onednn});
    found.push_back({"oneDNN, a call a thread", by_onednn_in_stripes});
#endif
    found.push_back({"Eigen", by_eigen});
    add_openblas(found);
    return found;
  }();
  return all;
}

}  // namespace kantor
