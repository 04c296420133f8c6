#include "engine/products.h"

#include "engine/error.h"
#include "engine/libraries.h"
#include "engine/runtime.h"
#include "engine/verification.h"

namespace kantor {
namespace {

ProductChoice chosen;

Arithmetic wanted_on(Device device) {
  if (chosen.arithmetic) return *chosen.arithmetic;
  // The simulator has tensor cores, but no hurry: it adds as the float32 kernels do.
  const bool fast = device.kind == Device::Kind::cuda && runtime(device).processor().tensor_cores;
  return fast ? Arithmetic::three_tf32 : Arithmetic::float32;
}

}  // namespace

void set_products(ProductChoice choice) {
  if (choice.cudnn) require_cudnn();
  if (choice.arithmetic == Arithmetic::bf16 && (choice.cublas || choice.cudnn)) {
    throw DeviceError("bfloat16 products are Kantor's own: go without cuBLAS and cuDNN, or without bfloat16");
  }
  chosen = choice;
}

ProductChoice products() {
  return chosen;
}

ProductRoute product_route(Device device) {
  ProductRoute route{{}, false, chosen.cublas, chosen.cudnn, chosen.arithmetic == Arithmetic::tf32};
  const Arithmetic wanted = wanted_on(device);
  if (verified(device, {wanted})) {
    route.tiles = wanted;
    route.warpgroups = verified(device, {wanted, true});
  } else if (wanted == Arithmetic::three_tf32 && verified(device, {Arithmetic::float32})) {
    route.tiles = Arithmetic::float32;
  }
  return route;
}

std::string product_finding(Device device) {
  if (device.kind == Device::Kind::cpu) return "";
  const Arithmetic wanted = wanted_on(device);
  if (const std::string absent = why_absent(device, {wanted}); !absent.empty()) {
    return arithmetic_name(wanted) + ": " + absent;
  }
  const Findings& found = findings(device);
  for (size_t i = 0; i < found.size(); ++i) {
    if (all_tile_kernels[i].arithmetic == wanted && !found[i].empty()) {
      return name_of(all_tile_kernels[i]) + ": " + found[i];
    }
  }
  return "";
}

std::string arithmetic_name(Arithmetic arithmetic) {
  switch (arithmetic) {
    case Arithmetic::float32:
      return "float32";
    case Arithmetic::three_tf32:
      return "float32 by three TF32 products";
    case Arithmetic::tf32:
      return "TF32";
    case Arithmetic::bf16:
      return "bfloat16";
  }
  return "";
}

std::string product_arithmetic(Device device) {
  if (device.kind == Device::Kind::cpu) return arithmetic_name(Arithmetic::float32);
  const ProductRoute route = product_route(device);
  if (route.tiles && !(route.cublas && route.cudnn)) return arithmetic_name(*route.tiles);
  return arithmetic_name(route.library_tf32 ? Arithmetic::tf32 : Arithmetic::float32);
}

std::string product_kernels(Device device) {
  if (device.kind == Device::Kind::cpu) return "CPU";
  if (device.kind == Device::Kind::sim) return "Kantor";
  const ProductRoute route = product_route(device);
  const std::string products = route.cublas || !route.tiles ? "cuBLAS" : "Kantor";
  const std::string convolutions = route.cudnn ? "cuDNN" : "Kantor";
  return products == convolutions ? products : products + " and " + convolutions;
}

}  // namespace kantor
