// How fast each tiling is: the constants of the model by which kernels/products/plan.h chooses. bench/fit_paces.py
// writes this file from timed runs.
#pragma once

namespace kantor {

/// A block's time in microseconds is start + stages max(latency, r rows columns depth / rate), where r blocks share a
/// multiprocessor; rate: products a microsecond of a full multiprocessor.
struct Pace {
  double rate, latency, start;
};

// Fitted by bench/fit_paces.py to runs on NVIDIA H100 80GB HBM3 (bench/results/h100-2026-11-28/products.jsonl). The
// times of float32, three_tf32, tf32 are within 12%, 7%, 15% (rms), and the choice loses 3% (at most 21%), 2% (at most
// 24%), 3% (at most 24%) to the best run of each product. Tiling 3 of three_tf32 was not timed: it has the pace of tf32
// at the ratio of the tiling above. Tilings 4 and 5 of tf32, by warpgroups, were not timed: they have the paces of a
// prototype's kernels of as many products a stage on the same card, which packed their right operand in a launch before
// (fitted to 7 and 8 of its runs, not split; rms 5% and 7%). bfloat16 has the paces of tf32.
inline constexpr Pace float32_paces[] = {
    {164589, 1.17, 1.45}, {166809, 0.60, 4.22}, {159820, 0.51, 6.62}, {139082, 0.63, 2.64}, {128409, 0.27, 2.86}};
inline constexpr Pace three_tf32_paces[] = {
    {0, 0, 0}, {210002, 1.41, 4.49}, {187879, 0.82, 3.30}, {126651, 0.46, 2.64}};
inline constexpr Pace tf32_paces[] = {{595413, 0.43, 9.72}, {475915, 0.67, 5.87},  {368673, 0.42, 3.66},
                                      {248527, 0.24, 2.93}, {926303, 0.25, 10.32}, {839907, 0.67, 4.97}};

/// Splits: the last block of a tile adds the others' tiles in microseconds 1.30 + floats / 13350; a second launch takes
/// 0.87 + bytes / 1991329.
inline constexpr double collect_start = 1.30, collect_rate = 13350, add_start = 0.87, add_rate = 1991329;

}  // namespace kantor
