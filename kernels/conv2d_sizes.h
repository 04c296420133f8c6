// The sizes of a convolution as 32-bit integers, which kernels compute with. For kernel files.
#pragma once

#include "kernels/backend.h"
#include "kernels/conv2d.h"

#include <cstdint>

namespace kantor::KANTOR_BACKEND {

struct ConvSizes {
  int batch, height, width, channels, out_height, out_width, filters, kernel_height, kernel_width, stride, padding;

  KANTOR_FUNCTION int window() const { return kernel_height * kernel_width * channels; }
  KANTOR_FUNCTION int pixels() const { return batch * out_height * out_width; }
};

/// Throws KernelError if an index would not fit into 32 bits.
inline ConvSizes conv_sizes(const ConvShape& c) {
  const int64_t largest[] = {c.batch * c.height * c.width * c.channels,
                             c.pixels() * c.filters,
                             c.filters * c.window(),
                             c.height + 2 * c.padding,
                             c.width + 2 * c.padding,
                             c.stride};
  for (const int64_t value : largest) {
    if (value > INT32_MAX) {
      throw KernelError("a convolution whose images, outputs, filters, padding or stride count " +
                        std::to_string(value) + ": at most 2147483647 are possible; cut the batch");
    }
  }
  return {int(c.batch),        int(c.height),    int(c.width),   int(c.channels),
          int(c.out_height),   int(c.out_width), int(c.filters), int(c.kernel_height),
          int(c.kernel_width), int(c.stride),    int(c.padding)};
}

/// One axis of a parity class of the input gradient: position i is first + stride i, and kernel taps first_tap + stride
/// j reach it. Tap j of position i comes from the output index i + shift - j.
struct ParityAxis {
  int first, positions, first_tap, taps, shift;

  __device__ ParityAxis(int parity, int extent, int kernel, int stride, int padding)
      : first(parity),
        positions(extent > parity ? (extent - parity + stride - 1) / stride : 0),
        first_tap((parity + padding) % stride),
        taps(kernel > first_tap ? (kernel - first_tap + stride - 1) / stride : 0),
        shift((parity + padding - first_tap) / stride) {}
};

}  // namespace kantor::KANTOR_BACKEND
