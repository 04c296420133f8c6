// The texts of the study slow, its landscape apart (landscape_text.h). slow.cpp fills in the names in braces.
#pragma once

namespace kantor::slow::text {

inline constexpr auto title = "Training under clipping is slow";

inline constexpr auto claim =
    "With a large c the weights take long to reach their limits and the critic takes long to settle; with a small one "
    "its gradients are weak. With the same optimizer, the gradient penalty reaches the data in fewer steps, though "
    "each "
    "of its steps costs more. Under clipping the loss surface is said to be distorted.";

inline constexpr auto method_critics =
    "The critic alone: the data are a Swiss roll, and the generator is frozen, with data + N(0, I) as its samples. The "
    "critic has three hidden layers of {width} ReLU units and He's start clipped to c, and is trained by RMSProp 5e-4 "
    "for {steps} steps with batches of {batch}. Its estimate on {probes} samples of each is taken in {evaluations} "
    "evaluations. It has settled when the estimate reaches {settled} of the mean over the last tenth of them.";
inline constexpr auto method_generators =
    "Generator and critic: 8 Gaussians, width {width}, batches of {batch}, {steps} generator steps with 5 critic steps "
    "each, and RMSProp 5e-4 for both networks and all constraints; clipping with c = 0.1 and 0.01, the penalty with "
    "lambda 0.1. The exact W1 of {samples} samples is taken 20 times. The data count as reached at {goal} floors, the "
    "floor being the W1 that two samples of the data themselves have.";

inline constexpr auto settling_caption =
    "The line is the mean over the seeds, the band its 95 % interval; each critic is compared with its own plateau.";
inline constexpr auto steepness_caption =
    "Bars are the mean over the seeds with its interval. The scale is logarithmic.";
inline constexpr auto by_steps_caption =
    "The line is the mean over the seeds, the band its 95 % interval; all are trained by the same RMSProp.";
inline constexpr auto by_time_caption = "The same trainings over the time that the steps take.";

inline constexpr auto meaning_critics =
    "The critic alone takes {steps_0_001} steps to settle at c = 0.001, {steps_0_01} at 0.01, {steps_0_1} at 0.1 and "
    "{steps_1} at 1; its mean gradient norm is then {norm_0_001}, {norm_0_01}, {norm_0_1} and {norm_1}. The optimizer "
    "moves a weight by about its learning rate a step, so that from the middle of the range to its end it "
    "takes about c / rate steps.";
inline constexpr auto meaning_generators =
    "The generator takes {penalty_steps} steps to {goal} floors under the penalty, {wide_steps} under clipping with c "
    "= "
    "0.1 and {narrow_steps} with c = 0.01 (a training that never gets there counts with all its steps). A step takes "
    "{penalty_ms}, {wide_ms} and {narrow_ms} ms, so that in time it is {penalty_seconds}, {wide_seconds} and "
    "{narrow_seconds} s.";

inline constexpr auto limit_one_optimizer =
    "All have one optimizer and one learning rate, as the claim asks for; each constraint has others that suit it "
    "better (the study samples uses them). A critic settles against its own plateau, in its own units: that says "
    "nothing about how good the plateau is, and for a critic that still climbs at the end the last tenth counts as its "
    "plateau.";
inline constexpr auto limit_times =
    "The times are those of runs side by side on a machine that may do other things; their ratio means more than they "
    "do.";

inline constexpr auto clipping_source = "Arjovsky et al. 2017, section 3, in words";
inline constexpr auto penalty_source = "Gulrajani et al. 2017, section 5 (curves)";
inline constexpr auto products_source = "11 against 7 L M, docs/architecture.md";

}  // namespace kantor::slow::text
