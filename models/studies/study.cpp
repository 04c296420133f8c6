#include "models/studies/study.h"

#include "models/studies/all.h"
#include "models/training/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kantor {

std::string to_string(Scale scale) {
  return scale == Scale::tiny ? "tiny" : scale == Scale::quick ? "quick" : "full";
}

const std::vector<std::unique_ptr<Study>>& studies() {
  static const std::vector<std::unique_ptr<Study>> all = [] {
    std::vector<std::unique_ptr<Study>> list;
    for (const auto make : {make_too_simple, make_knife_edge, make_pile_up, make_slow, make_deep, make_samples,
                            make_gradient_norm, make_benchmark_w1})
      list.push_back(make());
    return list;
  }();
  return all;
}

const Study& find_study(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& study : studies()) {
    if (study->name() == name) return *study;
    names.push_back(study->name());
  }
  const std::string near = nearest(name, names);
  throw ConfigError(fmt::format("unknown study '{}'; known are {}{}", name, fmt::join(names, ", "),
                                near.empty() ? "" : fmt::format(" (did you mean {}?)", near)));
}

}  // namespace kantor
