// The texts of the study gradient-norm. gradient_norm.cpp fills in the names in braces.
#pragma once

namespace kantor::gradient_norm::text {

inline constexpr auto title = "The Lipschitz condition is met badly";

inline constexpr auto claim =
    "An optimal critic has gradients of norm 1 almost everywhere between the two distributions. Under clipping the "
    "norms are nearly constant and far from 1; the gradient penalty brings them near 1.";

inline constexpr auto method =
    "The data are a Swiss roll. The generator is frozen: its samples are data + N(0, I). The critic has three hidden "
    "layers of {width} ReLU units, He's start and no normalization, and is trained for {steps} steps with batches of "
    "{batch}: clipping with c = 0.01 and c = 0.1 and RMSProp 5e-5, the penalty with lambda 10 and 0.1 and Adam 1e-4 "
    "(0.5, 0.9). The norm of the critic's input gradient is measured at {probes} points of each of three kinds: real "
    "ones, generated ones, and points at a uniformly drawn fraction of the way from a real to a generated one. The "
    "mean norm between is that of the last {late} of {evaluations} evaluations, which cover half of the training; all "
    "other numbers are from its end.";

inline constexpr auto over_time_caption =
    "The line is the mean over the seeds, the band its 95 % interval. The scale is logarithmic.";
inline constexpr auto histogram_caption =
    "All points of all seeds. A narrow hill away from 1 is a critic that slopes evenly, but in units of an unknown K.";
inline constexpr auto percentiles_caption =
    "A flat line is a constant norm; the line of a good critic is flat and lies at 1.";

inline constexpr auto meaning =
    "The mean norm between the distributions is {clip_narrow} at c = 0.01 and {clip_wide} at c = 0.1 under clipping; "
    "under the penalty it is {penalty} with lambda 10 and {weak_penalty} with lambda 0.1.";
inline constexpr auto meaning_unit =
    "The estimate of W1 grows with K, the largest gradient norm. Under clipping K follows from c, the width and the "
    "depth, not from the data. So the estimate has no unit, and the generator's gradient, which is the critic's at its "
    "samples, is too weak or too strong by the same factor by which the norm differs from 1.";

inline constexpr auto limit_one_setting =
    "This is one data set and one architecture; under clipping the norm depends on c, width and depth together "
    "(knife-edge varies them). The norms are measured where the penalty acts; elsewhere nothing constrains them.";
inline constexpr auto limit_constant =
    "\"Nearly constant\" is reported as the standard deviation over the mean and is not judged: no paper says how "
    "constant.";

inline constexpr auto theory = "Gulrajani et al. 2017, proposition 1";
inline constexpr auto section_3 = "Gulrajani et al. 2017, section 3, in words";

}  // namespace kantor::gradient_norm::text
