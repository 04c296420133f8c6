#include "bench/suite.h"

#include "bench/clip_vs_penalty.h"
#include "engine/error.h"

namespace kantor {

const std::vector<Suite>& suites() {
  static const std::vector<Suite> all{
      {"clip-vs-penalty",
       "the kernels of clipping and of the penalty by size, and the price of clipping and of penalties a step",
       clip_vs_penalty_subjects}};
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
