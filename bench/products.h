// The time of products by plan: every plan of the tile engine, the kernels before it, and NVIDIA's libraries. The lines
// are what bench/fit_paces.py fits the engine's model of time to.
#pragma once

#include "engine/device.h"
#include "kernels/arithmetic.h"

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace kantor {

/// The arithmetics by the names that lines have.
const std::vector<std::pair<std::string, Arithmetic>>& arithmetic_names();

struct ProductsOptions {
  Device device = {};               // `sim` or `cuda`
  std::vector<std::string> shapes;  // as parse_product takes them
  std::vector<Arithmetic> arithmetics;
  bool best = false;     // only the plan that the engine chooses
  double seconds = 300;  // for all; plans that the model expects to be slow are left out first, the chosen ones never
  std::function<void(const nlohmann::json& line)> on_line = {};
};

/// Times the products. The first line is bench_context with "multiprocessors" and "caches"; then each is {"op",
/// "shape", "kernel": "tiles", "predecessor", "cuBLAS" or "cuDNN", "arithmetic", "microseconds", "tflops"}, and for
/// "tiles" also
/// {"m", "n", "k", "parts", "out": as ProductSize has them, "tiling": its number, "tile": [rows, columns, depth],
/// "blocks", "splits", "second_launch", "predicted": microseconds, "error": the most that an element differs from the
/// predecessor's, divided by the sum of its terms' absolute values}. Gives a row for each product and arithmetic:
/// {"op", "shape", "arithmetic", "chosen": line, "best": line, "predecessor", "library": microseconds or null,
/// "timed", "plans": how many}. On `sim` the times are the simulator's, and the first line says so.
std::vector<nlohmann::json> bench_products(const ProductsOptions& options);

/// The rows as a table for people: the chosen plan's time over the best plan's, the predecessor's and the library's.
std::string products_table(const std::vector<nlohmann::json>& rows);

}  // namespace kantor
