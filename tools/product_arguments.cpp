#include "tools/product_arguments.h"

#include <cstdio>
#include <fmt/format.h>

namespace kantor {

void ProductArguments::add_to(CLI::App& app) {
  auto* exact = app.add_flag("--exact-float32", exact_float32,
                             "cuda: float32 products by float32 multiply-adds, not by three TF32 products");
  auto* three = app.add_flag("--three-tf32", three_tf32,
                             "cuda, sim: float32 products by three TF32 products on tensor cores, in fused steps too");
  auto* with_tf32 = app.add_flag("--tf32", tf32, "cuda, sim: round the operands of products to TF32, for tensor cores");
  auto* with_bf16 = app.add_flag("--bf16", bf16, "cuda, sim: round the operands of products to bfloat16");
  exact->excludes(three)->excludes(with_tf32)->excludes(with_bf16);
  three->excludes(with_tf32)->excludes(with_bf16);
  with_tf32->excludes(with_bf16);
  app.add_flag("--cublas", cublas, "cuda: take cuBLAS's matrix products instead of Kantor's own kernels");
  app.add_flag("--cudnn", cudnn, "cuda: take cuDNN's convolutions instead of Kantor's own kernels");
}

void ProductArguments::choose() const {
  ProductChoice choice{{}, cublas, cudnn};
  if (exact_float32) choice.arithmetic = Arithmetic::float32;
  if (three_tf32) choice.arithmetic = Arithmetic::three_tf32;
  if (tf32) choice.arithmetic = Arithmetic::tf32;
  if (bf16) choice.arithmetic = Arithmetic::bf16;
  set_products(choice);
}

void ProductArguments::apply(Device device, bool quiet) const {
  choose();
  if (const std::string finding = product_finding(device); !finding.empty() && !quiet) {
    fmt::print(stderr, "{}: earlier kernels take the place of new ones, whose self-check found in {}\n",
               to_string(device), finding);
  }
}

std::vector<std::string> ProductArguments::words() const {
  std::vector<std::string> given;
  if (exact_float32) given.emplace_back("--exact-float32");
  if (three_tf32) given.emplace_back("--three-tf32");
  if (tf32) given.emplace_back("--tf32");
  if (bf16) given.emplace_back("--bf16");
  if (cublas) given.emplace_back("--cublas");
  if (cudnn) given.emplace_back("--cudnn");
  return given;
}

}  // namespace kantor
