// How matrix products and convolutions of float32 are computed on `cuda` and `sim`: in which arithmetic, and by whose
// kernels. The CPU and float64 do not ask.
#pragma once

#include "engine/device.h"
#include "kernels/arithmetic.h"

#include <optional>
#include <string>

namespace kantor {

/// One choice for the process.
struct ProductChoice {
  /// nullopt: float32 accuracy, by three TF32 products where a GPU has tensor cores.
  std::optional<Arithmetic> arithmetic;
  bool cublas = false, cudnn = false;  // cuda: NVIDIA's libraries instead of the project's kernels
};
/// Call this before the first step is captured. Throws DeviceError if cuDNN is requested and cannot be loaded, or if a
/// library is requested for bfloat16, which is the project's own kernels' alone.
void set_products(ProductChoice choice);
ProductChoice products();

/// What a device does with float32 products: `tiles` is the arithmetic of the project's tile engine; nullopt where the
/// self-check (engine/verification.h) does not allow that, and kernels that ran on GPUs before are taken.
struct ProductRoute {
  std::optional<Arithmetic> tiles;
  bool warpgroups = false;  // the tile engine's kernels of warpgroups (wgmma) may be chosen
  bool cublas = false, cudnn = false, library_tf32 = false;
};
ProductRoute product_route(Device device);
/// What the self-check found against the tile engine in the arithmetic that was chosen for the device; "" where that is
/// used.
std::string product_finding(Device device);

/// For people and env.json: "float32", "float32 by three TF32 products", "TF32", "bfloat16"; and by whom: "Kantor",
/// "cuBLAS and Kantor", "cuBLAS and cuDNN".
std::string arithmetic_name(Arithmetic arithmetic);
std::string product_arithmetic(Device device);
std::string product_kernels(Device device);

}  // namespace kantor
