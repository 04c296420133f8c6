// Barriers, warp shuffles, votes and reductions under CUDA's names. The last parameter of each is where it is called.
#pragma once

#include "kernels/sim/runtime.h"

namespace kantor::sim {

inline void __syncthreads(Site site = Site::here()) {
  block_barrier("__syncthreads", false, site);
}
inline int __syncthreads_count(int predicate, Site site = Site::here()) {
  return block_barrier("__syncthreads_count", predicate != 0, site).yes;
}
inline int __syncthreads_and(int predicate, Site site = Site::here()) {
  const Votes votes = block_barrier("__syncthreads_and", predicate != 0, site);
  return static_cast<int>(votes.yes == votes.all);
}
inline int __syncthreads_or(int predicate, Site site = Site::here()) {
  return static_cast<int>(block_barrier("__syncthreads_or", predicate != 0, site).yes > 0);
}

inline void __threadfence_block() {}
inline void __threadfence() {
  thread_fence();
}
inline void __threadfence_system() {
  thread_fence();
}

inline void __syncwarp(unsigned mask = ~0U, Site site = Site::here()) {
  collective("__syncwarp", mask, char{}, site, [](const Collective&, int) { return 0; });
}

// A width cuts the warp into segments of that many lanes. Outside the segment, up and down return the lane's own value.
template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, Site site = Site::here()) {
  return collective("__shfl_sync", mask, value, site, [&](const Collective& lanes, int lane) {
    return lanes.of<T>((lane & -width) | (source & (width - 1)), site);
  });
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, Site site = Site::here()) {
  return collective("__shfl_xor_sync", mask, value, site, [&](const Collective& lanes, int lane) {
    const int source = lane ^ bits;
    return source > (lane | (width - 1)) ? value : lanes.of<T>(source, site);
  });
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned distance, int width = 32, Site site = Site::here()) {
  return collective("__shfl_down_sync", mask, value, site, [&](const Collective& lanes, int lane) {
    const int source = lane + static_cast<int>(distance);
    return source > (lane | (width - 1)) ? value : lanes.of<T>(source, site);
  });
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned distance, int width = 32, Site site = Site::here()) {
  return collective("__shfl_up_sync", mask, value, site, [&](const Collective& lanes, int lane) {
    const int source = lane - static_cast<int>(distance);
    return source < (lane & -width) ? value : lanes.of<T>(source, site);
  });
}

/// Combines the values of the arrived lanes, the lowest lane first. Not part of CUDA; the built-ins below use it.
template <class T, class Fold, class Result>
Result fold_lanes(const char* word, unsigned mask, T value, Result start, Site site, const Fold& fold) {
  return collective(word, mask, value, site, [&](const Collective& lanes, int) {
    Result result = start;
    for (int lane = 0; lane < 32; ++lane) {
      if (lanes.has(lane)) result = fold(result, lanes.of<T>(lane, site), lane);
    }
    return result;
  });
}

inline unsigned __ballot_sync(unsigned mask, int predicate, Site site = Site::here()) {
  return fold_lanes("__ballot_sync", mask, predicate, 0U, site, [](unsigned votes, int vote, int lane) {
    return votes | static_cast<unsigned>(vote != 0) << lane;
  });
}
inline int __any_sync(unsigned mask, int predicate, Site site = Site::here()) {
  return fold_lanes("__any_sync", mask, predicate, 0, site,
                    [](int any, int vote, int) { return static_cast<int>(any != 0 || vote != 0); });
}
inline int __all_sync(unsigned mask, int predicate, Site site = Site::here()) {
  return fold_lanes("__all_sync", mask, predicate, 1, site,
                    [](int all, int vote, int) { return static_cast<int>(all != 0 && vote != 0); });
}
template <class T>
unsigned __match_any_sync(unsigned mask, T value, Site site = Site::here()) {
  return fold_lanes("__match_any_sync", mask, value, 0U, site, [&](unsigned same, T other, int lane) {
    return same | static_cast<unsigned>(other == value) << lane;
  });
}

// As in CUDA, for int and unsigned; min and max start from the lane's own value, which is among the lanes'.
template <class T>
T __reduce_add_sync(unsigned mask, T value, Site site = Site::here()) {
  return fold_lanes("__reduce_add_sync", mask, value, T(0), site, [](T a, T b, int) { return static_cast<T>(a + b); });
}
template <class T>
T __reduce_min_sync(unsigned mask, T value, Site site = Site::here()) {
  return fold_lanes("__reduce_min_sync", mask, value, value, site, [](T a, T b, int) { return b < a ? b : a; });
}
template <class T>
T __reduce_max_sync(unsigned mask, T value, Site site = Site::here()) {
  return fold_lanes("__reduce_max_sync", mask, value, value, site, [](T a, T b, int) { return a < b ? b : a; });
}
inline unsigned __reduce_and_sync(unsigned mask, unsigned value, Site site = Site::here()) {
  return fold_lanes("__reduce_and_sync", mask, value, ~0U, site, [](unsigned a, unsigned b, int) { return a & b; });
}
inline unsigned __reduce_or_sync(unsigned mask, unsigned value, Site site = Site::here()) {
  return fold_lanes("__reduce_or_sync", mask, value, 0U, site, [](unsigned a, unsigned b, int) { return a | b; });
}
inline unsigned __reduce_xor_sync(unsigned mask, unsigned value, Site site = Site::here()) {
  return fold_lanes("__reduce_xor_sync", mask, value, 0U, site, [](unsigned a, unsigned b, int) { return a ^ b; });
}

}  // namespace kantor::sim
