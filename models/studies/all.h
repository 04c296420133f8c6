// The makers of the studies, one file each. Internal to models/studies.
#pragma once

#include "models/studies/study.h"

#include <memory>

namespace kantor {

std::unique_ptr<Study> make_too_simple();
std::unique_ptr<Study> make_pile_up();
std::unique_ptr<Study> make_slow();
std::unique_ptr<Study> make_deep();
std::unique_ptr<Study> make_samples();
std::unique_ptr<Study> make_gradient_norm();
std::unique_ptr<Study> make_knife_edge();
std::unique_ptr<Study> make_benchmark_w1();

}  // namespace kantor
