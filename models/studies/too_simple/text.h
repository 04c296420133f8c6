// The texts of the study too-simple. too_simple.cpp fills in the names in braces.
#pragma once

namespace kantor::too_simple::text {

inline constexpr auto title = "The clipped critic is too simple";

inline constexpr auto claim =
    "A clipped critic settles on functions that are too simple: its value surface ignores the finer structure of the "
    "data (higher moments), its estimate falls short of the Wasserstein distance, and its gradient does not point from "
    "the generated samples to the data. A penalised critic of the same architecture does better.";

inline constexpr auto method =
    "The generator is frozen: its samples are data + N(0, I). The critic has three hidden layers of {width} ReLU "
    "units, He's start and no normalization, and is trained for {steps} steps with batches of {batch}: clipping with "
    "c = 0.01 and RMSProp {clip_rate}, the penalty with lambda 10 and 0.1 and Adam {penalty_rate} (0.5, 0.9). Then it "
    "is measured on {points} real and {points} generated samples that were not trained on. Network simplex gives "
    "their exact W1 and best matching. Three things are measured: the critic's estimate on them; K, which is its "
    "largest gradient norm at them and between them; and its gradient at each generated sample against the direction "
    "to the matched real one.";

inline constexpr auto cosine_caption =
    "Bars are the mean over the seeds with its interval. A cosine of 1 is perfect; 0 is any direction.";
inline constexpr auto ratio_caption = "The line is the mean over the seeds, the band its 95 % interval.";
inline constexpr auto surface_caption =
    "The critic's value with its level sets, dark low and bright high; the data are white, the generated samples "
    "orange.";

inline constexpr auto meaning_cosine =
    "The cosine between the critic's gradient at a generated sample and the direction in which the best transport "
    "moves that sample (1 would be perfect; the generator follows this gradient).";
inline constexpr auto meaning_cosine_of_data = " {data}: {clip} under clipping, {penalty} under the penalty.";
inline constexpr auto meaning_ratio =
    "The estimate divided by the critic's own largest gradient norm, as a share of the exact W1. The most that an "
    "equally steep critic could find is 1.";
inline constexpr auto meaning_ratio_of_data = " {data}: {clip} against {penalty}.";

inline constexpr auto limit_plane =
    "All data lie in the plane. There the transport between data and data + noise is short and crooked, so that its "
    "directions are hard to hit: no critic of finite size reaches a cosine of 1, and the exact W1 of finite samples is "
    "above that of the distributions. One critic is compared with the other on the same samples.";
inline constexpr auto limit_training =
    "Each critic has its customary optimizer and learning rate, and all take the same number of steps; the table tells "
    "how much the estimate still changed in the last quarter of them. c = 0.01 is the published value; the studies "
    "knife-edge and slow vary it.";
inline constexpr auto limit_simple = "No number judges whether a function is \"simple\": the pictures show it.";

inline constexpr auto figure_1 = "Gulrajani et al. 2017, figure 1 (value surfaces)";

}  // namespace kantor::too_simple::text
