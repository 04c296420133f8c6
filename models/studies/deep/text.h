// The texts of the study deep. deep.cpp and recurrent.cpp fill in the names in braces.
#pragma once

namespace kantor::deep::text {

inline constexpr auto title = "Deep critics often do not converge under clipping";

inline constexpr auto claim =
    "With weight clipping, deep critics often fail to train, with batch normalization or without; the gradient penalty "
    "trains most architectures.";

inline constexpr auto method =
    "The data are 8 Gaussians. The generator has three hidden layers of {generator_width} ReLU units. The critics have "
    "width {width}, {depths} hidden layers and the activations {activations}, with normalization and without, and are "
    "trained for {steps} generator steps with 5 critic steps each and batches of {batch}. Clipping has c = 0.1, "
    "RMSProp "
    "5e-4 and batch norm; the penalty has lambda 0.1, Adam 1e-3 (0.5, 0.9) and layer norm; all have He's start. An "
    "architecture counts as trained if the exact W1 of {samples} samples, above the floor that two samples of the data "
    "have between them, ends under {success} of its start. There is one number a seed: the share of the architectures "
    "that train.";

inline constexpr auto trained_caption = "Bars are the mean over the seeds with its interval.";
inline constexpr auto distance_caption =
    "The same trainings by the distance that is left; lower is better, and above 1 is worse than the start.";

inline constexpr auto meaning =
    "The share of the architectures that train is {clip} under clipping and {penalty} under the penalty. Among those "
    "of {deep_from} hidden layers or more it is {deep_clip} under clipping without normalization and {deep_clip_norm} "
    "with batch norm; {deep_penalty} under the penalty without normalization and {deep_penalty_norm} with layer norm.";
inline constexpr auto meaning_why =
    "The study knife-edge shows why depth is hard on clipping: one factor a layer, raised to the power of the depth, "
    "decides between explosion and vanishing, and no single c suits all depths.";

inline constexpr auto limit_one_setting =
    "These are 8 Gaussians, narrow critics and one c, which is the best at three layers; another c would suit another "
    "depth. A critic counts as failed if it does not get there within the given steps: with more of them some would.";
inline constexpr auto limit_normalization =
    "The clipped critic has batch norm with its scales clipped, as in the released code. The penalty is per sample, so "
    "layer norm takes the place of batch norm. Residual connections, which critics of such depths have in practice, "
    "are "
    "left out.";

inline constexpr auto in_words = "Gulrajani et al. 2017, in words";
inline constexpr auto table = "Gulrajani et al. 2017, table (threshold 7)";

}  // namespace kantor::deep::text

// The recurrent part.
namespace kantor::deep::recurrent_text {

inline constexpr auto method =
    "A tanh RNN of {width} units reads noisy sines of {lengths} steps; its score is read from the last. The critic is "
    "trained alone against a frozen generator, whose samples are data + N(0, I), for {steps} steps with batches of "
    "{batch} from Xavier's start: clipping with c = 0.01 and 0.1 and RMSProp 5e-4, the penalty with lambda 10 and "
    "Adam 1e-3. Three things are measured in float64 on {points} samples of each: the norm of the loss's gradient by "
    "the input of each step; the share of the steps where it is at least {felt} of the largest; and the estimate over "
    "K, the largest gradient norm, over the exact W1 of the samples.";

inline constexpr auto way_back_caption =
    "The gradient by the input of each step, 1 being the last. The line is the mean over the seeds, the band its 95 % "
    "interval. On this logarithmic scale a straight slope is exponential decay.";
inline constexpr auto reach_caption = "Bars are the mean over the seeds with its interval; 1 is the whole sequence.";
inline constexpr auto ratio_caption =
    "Bars are the mean over the seeds with its interval; a critic that is optimal for these very samples would have 1.";

inline constexpr auto meaning =
    "In the RNN over {length} steps the gradient reaches a share of {reach_narrow} of them at c = 0.01, {reach_wide} "
    "at "
    "c = 0.1 and {reach_penalty} under the penalty. The share of the distance that it finds is {ratio_narrow}, "
    "{ratio_wide} and {ratio_penalty}.";

inline constexpr auto limit =
    "The RNN has one start and one width, and its critic is trained alone. W1 of finite samples of so many dimensions "
    "is above that of the distributions, so that a critic that has not seen them cannot reach 1. A gradient that does "
    "not reach a step says that the score does not depend on it, not why; a critic under the "
    "penalty, too, can look only at the last steps.";

inline constexpr auto section_3 = "Gulrajani et al. 2017, section 3, in words";

}  // namespace kantor::deep::recurrent_text
