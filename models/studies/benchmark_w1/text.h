// The texts of the study benchmark-w1. conclusion.cpp fills in the names in braces.
#pragma once

namespace kantor::benchmark_w1::text {

inline constexpr auto title = "Critics against a known distance";

inline constexpr auto claim =
    "On pairs of distributions whose W1 and optimal critic are known, a clipped critic finds neither the distance nor "
    "the gradient: with one and the same c its gradients vanish in 2 dimensions and explode in 128. The gradient "
    "penalties come near both.";

inline constexpr auto method_pairs =
    "A pair has the potential u(x) = min over funnels n of |x - a_n| + b_n. Q is uniform on the box [-2.5, 2.5]^D, and "
    "P is Q moved along the rays of u, so that -u is an optimal critic and W1 is the mean length of the moves (by "
    "Monte "
    "Carlo). dD_nN is the published pair of D dimensions and N funnels; dD_nN.S is one that is made here from seed S.";
inline constexpr auto method_critics =
    "The critic is D -> max(2D, 128) -> max(2D, 128) -> 1 with ReLU and PyTorch's start. It is trained with batches "
    "of {batch} and Adam 2e-4 (0, 0.9), with a fresh batch of P and of Q each step. Clipping bounds weights, not "
    "biases; penalties have weight 10. The steps are: {steps}. Two things are measured on {samples} points each that "
    "were not trained on: the estimate, which is the mean critic on P minus the mean on Q, and the critic's gradient "
    "at P against the optimal one.";

inline constexpr auto cosine_caption =
    "Bars are the mean over the seeds with its interval; diamonds are the published values, of one run each.";
inline constexpr auto ratio_caption =
    "The scale is logarithmic: the unit of a clipped critic's estimate follows from c, width and depth.";
inline constexpr auto curve_caption = "The line is the mean over the seeds, the band its 95 % interval.";
inline constexpr auto surface_caption =
    "The critic's value with its level sets, dark low and bright high; P is white, Q orange.";

inline constexpr auto meaning_pair = "{pair}: W1 is {w1}. Each critic's estimate and cosine: {methods}.";
inline constexpr auto meaning_method = "{method}: {estimate} and {cosine}";
inline constexpr auto meaning_reproduced =
    "{inside} of {compared} published figures lie where one more run of ours would be expected (95 % prediction "
    "interval over the seeds)";
inline constexpr auto meaning_shorter = "; the published critics were trained for longer than these quick ones";

inline constexpr auto limit_estimate =
    "A small estimate does not make a critic useless: a clipped critic's is a multiple of an unknown K, and a "
    "generator "
    "can follow its gradient if that points well. The cosine has no unit and tells more.";
inline constexpr auto limit_methods =
    "Not all methods are exactly the published ones. The authors' code takes the singular value of spectral "
    "normalization as a constant in the gradient, and so does the row beside the published one; the other row "
    "differentiates through it. They do 5 power iterations a forward pass; here it is one, which on two pairs gave a "
    "w1 "
    "within 1.2 % of that with 5. Their GroupSort moves on the orthogonal group by an exponential map from the start; "
    "here Adam's step from the projected gradient is put back by Bjoerck's iteration. Full settings take the steps of "
    "the newer version of their code.";
inline constexpr auto limit_float32 =
    "The authors' code finds the optimal gradient in float32 at the points of P (torch.cdist). In the plane a seventh "
    "of them lies nearer to a centre than its rounding, and counts there as having none: the published cosines and "
    "errors of the plane are smaller for it. The lines with \"the optimum in float32\" measure as they do; the other "
    "lines take the gradient at the point of Q, in double.";
inline constexpr auto limit_independent =
    "The authors' code estimates W1 from 4,096 points of P and as many of Q that are drawn apart, which for an optimal "
    "critic has a standard error of 0.007 to 0.031 on the six pairs. The lines with \"Q drawn apart from P\" measure "
    "as "
    "they do; the other lines take the points of Q that were moved to those of P, which estimates the same with less "
    "noise. The true W1 of the published table is of one sample of 4,096; ours is of a larger one.";
inline constexpr auto limit_quick =
    "Quick settings try one pair of the plane. That the gradients of the same c explode in 128 dimensions is left to "
    "the full settings, or to --pairs d128_n4.";

inline constexpr auto paper = "Korotin et al. 2022";

}  // namespace kantor::benchmark_w1::text
