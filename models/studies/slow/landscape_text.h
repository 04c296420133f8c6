// The texts on the loss landscape. landscape.cpp fills in the names in braces.
#pragma once

namespace kantor::slow::landscape_text {

inline constexpr auto method_losses =
    "The landscape: again the critic is trained alone, with width {width}, for {steps} steps with batches of {batch}, "
    "under each constraint with its customary optimizer. Clipping has RMSProp 5e-4 and starts inside the range (U(-c, "
    "c), biases 0); all others have Adam 1e-3 (0.5, 0.9) and He's start, and penalties have lambda 10. Then the "
    "critic's whole loss, with the penalty, is taken on {samples} real and {samples} generated samples that were not "
    "trained on, in float64: along {directions} random directions at {points} points each, and on a plane of two of "
    "them at {resolution} x {resolution} points. Each direction is normal, with every filter scaled to the norm of "
    "the critic's own (Li et al. 2018), and is followed {reach} lengths both ways. The charts show the loss minus "
    "that of the trained weights, over the standard deviation of the critic's scores, which is proportional to its K.";
inline constexpr auto method_curvature =
    "Then both ends of the spectrum of that loss's Hessian, by all parameters, are found at the start, the middle and "
    "the end of the training, by power iteration on Hessian-vector products that keeps all vectors (Lanczos), until "
    "the residual of either end is under {tolerance} of it or {products} products are done. The raw eigenvalue grows "
    "with K and with 1 / |w|^2. Times |w|^2 over the standard deviation of the scores it has no unit, and it does not "
    "change if all weights of a critic without biases are multiplied by a number.";

inline constexpr auto curvature_caption =
    "Bars are the geometric mean over the seeds with its interval, in three evaluations of the training, on a "
    "logarithmic scale. Compare within a kind of constraint rather than across: a penalty's own curvature, which "
    "lambda sets, is part of it.";
inline constexpr auto signs_caption =
    "Bars are the mean over the seeds with its interval. At 1 the loss curves down in some direction as hard as it "
    "curves up in any, or harder; at 0 it curves down in none.";
inline constexpr auto slices_caption = "The mean over the directions, then over the seeds with its 95 % band.";
inline constexpr auto slices_leave_range =
    " Under clipping these steps leave the range, where training never goes: see the next figure.";
inline constexpr auto slices_in_range =
    " The same steps with every weight that left the range put back on its walls, as the training does it.";
inline constexpr auto plane_caption =
    "Level sets of the loss on two random directions, {reach} lengths each way around the trained weights (the orange "
    "dot): dark is low and bright is high, from {low:.3g} to {high:.3g} standard deviations against the dot.";
inline constexpr auto plane_leaves_range =
    " {percent:.0f} % of the steps along such directions leave the range, where training never goes.";

inline constexpr auto meaning_curvature =
    "The largest curvature of the landscape at the end, in decades without a unit, is: {curvatures}. Penalty minus "
    "clipping with c = 0.1 is {difference}. A large curvature alone is no distortion: a penalty holds the critic's "
    "slope by being steep to whatever would change it. {settled} of {searches} searches for eigenvalues settled on "
    "both ends of the spectrum before their products ran out; the longest took {products} products, and the largest "
    "residual is {residual:.1e} of its eigenvalue.";
inline constexpr auto meaning_signs =
    "The share of the curvature that lies downwards is: {downwards} (spectral with its singular vectors held "
    "constant). Where "
    "it is 1 the weights lie on a saddle: without a penalty or a parametrization the loss of a ReLU critic is linear "
    "in each layer's parameters between the kinks, so that the eigenvalues sum to 0, and nothing but the walls of the "
    "range holds a clipped critic. Where it is near 0 they lie in a valley, which the penalty or the parametrization "
    "has made.";
inline constexpr auto meaning_slices =
    "At {reach} lengths the loss has changed by {narrow} standard deviations under clipping with c = 0.01, {wide} with "
    "0.1 and {penalty} under the penalty. But {narrow_outside} and {wide_outside} of the clipped parameters are "
    "outside "
    "the range there, where training never goes. With them put back on the walls the change is {narrow_inside} and "
    "{wide_inside}; the difference is what the walls do.";

inline constexpr auto limit_kinks =
    "The landscape: a loss of ReLU is smooth only between its kinks, which have no second derivative; the eigenvalue "
    "is of the piece that the weights lie in. Under spectral normalization it is taken with the singular vectors held "
    "constant, "
    "as a training step takes its gradient; along the directions they are found anew at every point. There is one "
    "batch, one data set and one architecture, and biases do not move along the directions.";
inline constexpr auto limit_unit =
    "The unit makes critics of different K comparable, but not constraints of different form: a penalty adds its own "
    "curvature with lambda, and a zero-centred one presses K, and with it the unit, far under 1. A large eigenvalue "
    "bounds the rate of plain gradient descent; RMSProp and Adam, which scale each weight's step, feel it less. No "
    "paper gives a number for \"distorted\", so none of these lines is judged.";

}  // namespace kantor::slow::landscape_text
