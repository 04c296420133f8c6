// How fast each tiling is: the constants of the model by which kernels/products/plan.h chooses. bench/fit_paces.py
// writes the table from timed runs.
#pragma once

namespace kantor {

/// A block's time in microseconds is start + stages max(latency, r rows columns depth / rate), where r blocks share a
/// multiprocessor; rate: products a microsecond of a full multiprocessor.
struct Pace {
  double rate, latency, start;
};

// Fitted to runs on an H100 (bench/results/h100-2026-11-28/products.jsonl) of a prototype with the same tilings and the
// same copies: times within 7 to 19 % (rms); the choice loses 5, 2 and 6 % to the best of all runs (float32, three
// products, TF32). The last row of three_tf32 was not timed: it is the row of TF32 at the ratio of the row above.
// bfloat16 has the paces of TF32 until it is timed.
inline constexpr Pace float32_paces[] = {
    {160559, 1.44, 1.09}, {163869, 0.34, 3.49}, {157051, 0.61, 5.46}, {133745, 0.64, 2.23}, {127798, 0.29, 2.65}};
inline constexpr Pace three_tf32_paces[] = {
    {0, 0, 0}, {211003, 1.47, 3.87}, {187765, 0.84, 2.97}, {130800, 0.35, 2.97}};
inline constexpr Pace tf32_paces[] = {
    {547237, 1.15, 7.08}, {459974, 0.27, 5.94}, {367668, 0.44, 3.36}, {256230, 0.18, 2.94}};

/// Splits: the last block of a tile adds the others' tiles in microseconds 1.57 + floats / 54,167; a second launch
/// takes 0.27 + bytes / 1,630,068.
inline constexpr double collect_start = 1.57, collect_rate = 54167, add_start = 0.27, add_rate = 1630068;

}  // namespace kantor
