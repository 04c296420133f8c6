#include "tools/product_arguments.h"

#include "engine/verification.h"

#include <cstdio>
#include <fmt/format.h>

namespace kantor {
namespace {

void tell_findings(Device device) {
  std::string told;
  for (const std::string& finding : findings(device)) {
    if (finding.empty() || finding == told) continue;
    fmt::print(stderr, "{}: kernels that ran here before are used in place of new ones, whose self-check found: {}\n",
               to_string(device), finding);
    told = finding;
  }
}

}  // namespace

void ProductArguments::add_to(CLI::App& app) {
  auto* exact = app.add_flag("--exact-float32", exact_float32,
                             "cuda: float32 products by float32 multiply-adds, not by three TF32 products");
  auto* with_tf32 = app.add_flag("--tf32", tf32, "cuda, sim: round the operands of products to TF32, for tensor cores");
  auto* with_bf16 = app.add_flag("--bf16", bf16, "cuda, sim: round the operands of products to bfloat16");
  exact->excludes(with_tf32)->excludes(with_bf16);
  with_tf32->excludes(with_bf16);
  app.add_flag("--cublas", cublas, "cuda: take cuBLAS's matrix products instead of Kantor's own kernels");
  app.add_flag("--cudnn", cudnn, "cuda: take cuDNN's convolutions instead of Kantor's own kernels");
}

void ProductArguments::apply(Device device, bool quiet) const {
  ProductChoice choice{{}, cublas, cudnn};
  if (exact_float32) choice.arithmetic = Arithmetic::float32;
  if (tf32) choice.arithmetic = Arithmetic::tf32;
  if (bf16) choice.arithmetic = Arithmetic::bf16;
  set_products(choice);
  if (!quiet) tell_findings(device);
}

}  // namespace kantor
