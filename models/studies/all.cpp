#include "models/studies/all.h"

#include "models/files/text.h"
#include "models/training/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

// A row a study, in the order of the report: the folder, whose namespace has the function study().
#define KANTOR_STUDIES(row) \
  row(too_simple) row(knife_edge) row(pile_up) row(slow) row(deep) row(samples) row(gradient_norm) row(benchmark_w1)

namespace kantor {

#define KANTOR_DECLARE(folder) \
  namespace folder {           \
  Study study();               \
  }
KANTOR_STUDIES(KANTOR_DECLARE)

const std::vector<Study>& studies() {
#define KANTOR_MAKE(folder) folder::study(),
  static const std::vector<Study> all{KANTOR_STUDIES(KANTOR_MAKE)};
  return all;
}

const Study& find_study(const std::string& name) {
  std::vector<std::string> names;
  for (const Study& study : studies()) {
    if (study.name == name) return study;
    names.push_back(study.name);
  }
  const std::string near = nearest(name, names);
  throw ConfigError(fmt::format("unknown study '{}'; known are {}{}", name, fmt::join(names, ", "),
                                near.empty() ? "" : fmt::format(" (did you mean {}?)", near)));
}

}  // namespace kantor
