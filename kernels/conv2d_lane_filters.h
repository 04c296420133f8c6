// Launchers of the convolutions that most image networks begin or end with: one or three channels, windows of 4 x 4 or
// 5 x 5, stride 2, float32. The launchers of kernels/conv2d_few_channels.h choose them by shape.
#pragma once

#include "kernels/conv2d.h"

namespace kantor {

/// How a warp shares the filters of a convolution: each lane owns one or two and keeps their weights in registers.
struct LaneFilters {
  int64_t per_warp, row;  // filters; elements from one filter to the next in shared memory, in banks of their own

  KANTOR_FUNCTION constexpr explicit LaneFilters(int64_t window)
      : per_warp(window <= 48 ? 64 : 32), row(window % 2 == 0 ? window + 1 : window) {}
};

/// Warps that share the filters of an input gradient: 1, 2 or 4, or 0 where the filters do not fit.
inline int64_t lane_filters_team(const ConvShape& c) {
  constexpr int64_t most_bytes = 44 * 1024;  // beside the sums, in the shared memory that every GPU has
  const LaneFilters lanes(c.window());
  int64_t team = 1;
  while (team * lanes.per_warp < c.filters) team *= 2;
  return team <= 4 && team * lanes.per_warp * lanes.row * int64_t(sizeof(float)) <= most_bytes ? team : 0;
}

/// Whether these kernels accept the shape.
inline bool lane_filters(const ConvShape& c) {
  return (c.channels == 1 || c.channels == 3) && c.kernel_height == c.kernel_width &&
         (c.kernel_width == 4 || c.kernel_width == 5) && c.stride == 2 && c.padding == (c.kernel_width - 1) / 2;
}

// Like conv2d and conv2d_input_grad of kernels/conv2d.h, for shapes that lane_filters accepts; the input gradient also
// needs a team.
KANTOR_LAUNCHERS(void conv2d_lane_filters(const ConvShape& shape, const float* x, const float* filter,
                                          const Epilogue<float>& epilogue, float* y, Stream stream);
                 void conv2d_input_grad_lane_filters(const ConvShape& shape, const float* g, const float* filter,
                                                     const Epilogue<float>& epilogue, float* x, Stream stream);)

}  // namespace kantor
