// Square float32 products by the libraries that this machine has, on all threads: what bounds the rows of products on
// the CPU. They are called directly, not through the engine.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace kantor {

/// c = a b, row-major, [n, n] each.
struct HostProduct {
  std::string name;  // "oneDNN, a call a thread", "OpenBLAS"
  std::function<void(int64_t n, const float* a, const float* b, float* c)> run;
};

/// Those that can be used here: oneDNN with its own threads and with one call a thread, Eigen, and OpenBLAS where the
/// system's loader finds it. They use as many threads as the program does when they are called.
const std::vector<HostProduct>& host_products();

}  // namespace kantor
