// The texts on images. image_samples.cpp fills in the names in braces.
#pragma once

namespace kantor::samples::image_text {

inline constexpr auto method =
    "{data}: generator and critic have 5x5 convolutions with stride 2 and {dim} channels at the largest picture, and "
    "are trained for {steps} generator steps with 5 critic steps each and batches of {batch}. Samples are drawn from "
    "the running average of the generator's weights (0.98). With the same settings for both there is no normalization, "
    "RMSProp {same_rate:g}, and c = 0.01 against lambda 10. With each its own settings, clipping has batch norm in "
    "both "
    "networks (its scales are clipped too) and RMSProp {clip_rate:g}, and the penalty has no normalization and Adam "
    "{penalty_rate:g} (0.5, 0.9). {samples} samples are scored against the images held back, by a classifier of two "
    "convolutions and 64 features that was trained here on the labelled images (passes over them: {epochs}; right on "
    "{accuracy} of those held back). The scores are the share of each class; exp of the mean KL divergence of an "
    "image's class probabilities from their mean (score); and the Fréchet distance of the features. As many training "
    "images give the floor of that distance and the best score that can be had. The measures are means over the last "
    "{late} of 10 evaluations, the classes those of the last.";

inline constexpr auto frechet_caption =
    "The line is the mean over the seeds, the band its 95 % interval; lower is better. The features are those of the "
    "classifier trained here: no other program has this scale.";
inline constexpr auto score_caption =
    "The score is 1 if the classifier sees no difference between the images, and the number of classes if it is sure "
    "of every image and sees the classes evenly. Higher is better, up to the line.";
inline constexpr auto classes_caption =
    "Bars are the mean over the seeds. The data are training images, seen by the same classifier.";
inline constexpr auto samples_caption = "These are of seed {seed}, the first; none was chosen.";

inline constexpr auto meaning =
    "{data}, {settings}: the Fréchet distance of the features ends at {clip_frechet} under clipping and "
    "{penalty_frechet} under the penalty (real images {real_frechet}), the score at {clip_score} and {penalty_score} "
    "(real images {real_score}). A step takes {clip_ms} and {penalty_ms} ms.";

inline constexpr auto limit_small_gap =
    "The published gap on images is small: on CIFAR-10 an inception score of 6.41 under clipping, 6.68 under the "
    "penalty and 7.42 with spectral normalization (Miyato et al. 2018). A gap seen here, between small networks after "
    "a "
    "given number of steps, is one of speed as much as of what is reached in the end; and clipping has only c = 0.01, "
    "as published for much larger networks.";
inline constexpr auto limit_scores =
    "Score and Fréchet distance of the images rest on a small classifier of these very images. They are not the "
    "inception score, nor what is published under other names for other networks, and compare only within this study; "
    "the Fréchet distance of few samples is too large by a bias that the floor shows.";

inline constexpr auto figure_3 = "Gulrajani et al. 2017, figure 3 (CIFAR-10)";
inline constexpr auto miyato = "Miyato et al. 2018";

}  // namespace kantor::samples::image_text
