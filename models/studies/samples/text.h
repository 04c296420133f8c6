// The texts of the study samples, its images apart (image_text.h). samples.cpp fills in the names in braces.
#pragma once

namespace kantor::samples::text {

inline constexpr auto title = "Samples get worse under clipping";

inline constexpr auto claim =
    "On complex data a generator trained against a clipped critic makes worse samples than one trained against a "
    "penalised critic of the same architecture.";

inline constexpr auto method =
    "The data are 8 and 25 Gaussians. Generator and critic have three hidden layers of {width} ReLU units each, and "
    "are "
    "trained for {steps} generator steps with 5 critic steps each and batches of {batch}: clipping with c = 0.01 and "
    "0.1 and RMSProp 5e-4, the penalty with lambda 0.1 and Adam 1e-3 (0.5, 0.9). Samples are drawn from the running "
    "average of the generator's weights (0.98). The measures are means over the last {late} of 12 evaluations: among "
    "2,500 samples, the share within 3 sigma of a mode (high quality), the number of modes with at least one of these, "
    "and the KL divergence of the modes' histogram from the uniform one; and the exact W1 of {samples} samples over "
    "its "
    "floor, which is what two samples of the data themselves have.";

inline constexpr auto quality_caption =
    "The line is the mean over the seeds, the band its 95 % interval; for the data themselves it would be 0.989.";
inline constexpr auto distance_caption = "The same trainings by W1; lower is better.";

inline constexpr auto meaning =
    "{data}: the share of samples of high quality is {penalty_quality} under the penalty, {wide_quality} under "
    "clipping with c = 0.1 and {narrow_quality} with c = 0.01. W1 ends at {penalty_floors}, {wide_floors} and "
    "{narrow_floors} floors. The generators capture {penalty_modes}, {wide_modes} and {narrow_modes} of the {modes} "
    "modes.";

inline constexpr auto limit_one_setting =
    "These are two mixtures in the plane at a given number of steps; with more steps every arm goes on getting better. "
    "Each constraint has its customary optimizer and learning rate, so that the arms differ in more than the "
    "constraint.";
inline constexpr auto limit_modes =
    "A mode counts as captured with a single sample near it, and data plus wide noise captures all of them: the number "
    "of modes says little without the share of high quality.";

inline constexpr auto section_5 = "Gulrajani et al. 2017, section 5 (images)";
inline constexpr auto pacgan = "PacGAN, Lin et al. 2018";

}  // namespace kantor::samples::text
