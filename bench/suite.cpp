#include "bench/suite.h"

#include "bench/suites/suites.h"
#include "engine/error.h"

namespace kantor {

const std::vector<Suite>& suites() {
  static const std::vector<Suite> all{
      {"clip-vs-penalty",
       "the kernels of clipping and of the penalty by size, and the price of clipping and of penalties a step",
       clip_vs_penalty_subjects, add_prices},
      {"kernels", "each family of kernels at a usual size", kernel_subjects},
      {"conv", "the convolutions of DCGANs, three passes each, beside oneDNN's or cuDNN's own", conv_subjects},
      {"scaling", "products and critic steps by batch, by width, and on the CPU by threads", scaling_subjects,
       add_speedups}};
  return all;
}

const Suite& suite_named(const std::string& name) {
  std::string names;
  for (const Suite& suite : suites()) {
    if (suite.name == name) return suite;
    names += (names.empty() ? "" : ", ") + suite.name;
  }
  throw Error("there is no suite '" + name + "' of benchmarks; there are " + names);
}

}  // namespace kantor
