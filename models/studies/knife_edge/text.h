// The texts of the study knife-edge. knife_edge.cpp fills in the names in braces.
#pragma once

namespace kantor::knife_edge::text {

inline constexpr auto title = "The clipping range is a knife edge";

inline constexpr auto claim =
    "In a deep critic the gradient grows or dies exponentially on its way back, and the choice of c alone decides "
    "which. This is worse without batch normalization and in recurrent critics. Under the gradient penalty the "
    "gradient stays level.";

inline constexpr auto method_layers =
    "The data are a Swiss roll. The generator is frozen: its samples are data + N(0, I). The critic has {depth} "
    "hidden layers of {width} ReLU units and He's start, and is trained for {steps} steps with batches of {batch}: "
    "clipping with RMSProp 5e-5, the penalty (lambda 10) with Adam 1e-4. Two things are measured: the norm of the "
    "gradient of the critic's loss by the output of each hidden layer, over {probes} real and as many generated "
    "samples, in float64 (float32 underflows); and the slope of its log10 per layer on the way back from the score. A "
    "slope of 0.3 is a factor of 2 a layer.";
inline constexpr auto method_others =
    "A second critic is the same at c = 0.01 with batch norm before each ReLU, once with its gamma and beta clipped, "
    "as in the released code, and once with both exempt. A third is a tanh RNN of {hidden} units over sequences of "
    "{lengths} points, of the data against data + noise, trained for {steps} steps with batches of {batch}; there the "
    "gradient is taken by the input of each step of the sequence.";

inline constexpr auto layers_caption =
    "Layer 1 is the hidden layer nearest the score. On this logarithmic scale a straight slope is exponential growth "
    "or decay.";
inline constexpr auto batch_norm_caption =
    "All at c = 0.01: how much batch norm helps, and what is left of that when its gamma is clipped.";
inline constexpr auto rnn_caption =
    "A tanh RNN; step 1 is the last of the sequence, nearest the score. On this logarithmic scale a straight slope is "
    "exponential growth or decay.";
inline constexpr auto rnn_slopes_caption = "Bars are the mean over the seeds with its interval.";

inline constexpr auto meaning_layers =
    "The slope a layer is {wide} at c = 0.1, {middle} at 0.01 and {narrow} at 0.001; under the penalty it is "
    "{penalty}. A ReLU layer of n weights of size c multiplies a gradient by about c sqrt(n/2), and the depth raises "
    "that factor to its power: at a slope of -0.8, eleven layers take away nine digits.";
inline constexpr auto meaning_batch_norm =
    "Batch norm with gamma exempt changes the slope at c = 0.01 from {without} to {exempt}. With gamma clipped it is "
    "{clipped}: activations of size 0.01 times weights of size 0.01 have a variance below the 1e-5 that batch norm "
    "adds to it, so that it no longer restores a layer's size.";
inline constexpr auto meaning_rnn =
    "The RNN over {length} steps has a slope of {clip} a step at c = 0.01, and of {penalty} under the penalty.";

inline constexpr auto limit_one_training =
    "Gradients are measured at the end of one training from one start. A vanished gradient does not yet say that a "
    "critic learns nothing: RMSProp and Adam divide by its size. What is lost is the proportion between layers, and "
    "the range of float32; the studies slow and deep measure the training itself.";
inline constexpr auto limit_rnn =
    "The RNN's sequences are independent points with no order to be learnt: they show only how the gradient travels "
    "back.";

inline constexpr auto figure_1a = "Gulrajani et al. 2017, figure 1a (a curve)";
inline constexpr auto section_3 = "Gulrajani et al. 2017, section 3, in words";

}  // namespace kantor::knife_edge::text
