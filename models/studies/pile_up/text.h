// The texts of the study pile-up. pile_up.cpp fills in the names in braces.
#pragma once

namespace kantor::pile_up::text {

inline constexpr auto title = "Weights pile up at the ends of their range";

inline constexpr auto claim =
    "Clipping pushes the critic's weights to the two extremes of the allowed range, so that the critic uses only a "
    "poor part of what its architecture could express. Under a gradient penalty the weights keep a bell shape.";

inline constexpr auto method =
    "The data are a Swiss roll. The generator is frozen: its samples are data + N(0, I). The critic has three hidden "
    "layers of {width} ReLU units and no normalization, and is trained for {steps} steps with batches of {batch}. "
    "Clipping has c = {c}, RMSProp 5e-5, weights from U(-c, c) and biases 0. The penalty has lambda 10 and Adam 1e-4 "
    "(0.5, 0.9), and is trained once from the same start and once from He's. A weight counts as at the end of its "
    "range if |w| >= {near} c; under the penalty, which has no c, if |w| >= {near} times the largest of its layer. "
    "Biases do not count. A unit fires if it is above 0 for at least one of {probes} samples. (The released code clips "
    "He's start, which puts 91 % of the weights at the bound before the first step, so that no pile-up could be seen.)";

inline constexpr auto over_time_caption =
    "The line is the mean over the seeds, the band its 95 % interval. Under clipping one weight after the other "
    "reaches the wall and stays there.";
inline constexpr auto histogram_caption =
    "All weights of all seeds, each divided by the end of its range: c under clipping, the largest |w| of the layer "
    "under the penalty. The scale is logarithmic: clipping's two outermost bins stand above all others. From He's "
    "start, which is uniform, the penalised weights hardly change their flat shape; from a narrow start they grow to a "
    "bell.";
inline constexpr auto layers_caption =
    "Clipping, by weight matrix from the input (left) to the score (right), with the mean and the interval over the "
    "seeds. A weight from or to a ReLU that never fires has no gradient and stays where it started.";

inline constexpr auto meaning =
    "The share of the weights that end at -c or c is {clip} under clipping; at the end of their range under the "
    "penalty, from the same start, it is {penalty}. ";
inline constexpr auto meaning_shown =
    "A weight at the wall has lost its size and keeps only its sign, so that the critic is pushed towards a network "
    "with the weights -c and c. Nothing in the data asks for this: the gradient pushes one way for ever, against a "
    "wall.";
inline constexpr auto meaning_not_shown = "With these settings the pile-up does not reach the bar.";
inline constexpr auto meaning_dead =
    "Among the weights between units that fire, the share at the end is {live}. The rest of the critic does not move: "
    "the share of the units that never fire on any sample is {dead} ({dead_penalty} under the penalty from the same "
    "start), and no gradient reaches the weights around them.";

inline constexpr auto limit_one_setting =
    "This is one data set, one architecture and one c. A share at the wall does not say how well such a critic "
    "estimates; the study too-simple measures that. How fast weights pile up depends on the learning rate of RMSProp: "
    "in the long run its step is the rate times a sign, so that c over the rate is the number of steps from the middle "
    "of the range to its wall.";
inline constexpr auto limit_optimizers =
    "The arms differ in their optimizer as well as in their constraint: each has its customary one.";

inline constexpr auto figure_1b = "Gulrajani et al. 2017, figure 1b (a curve)";

}  // namespace kantor::pile_up::text
