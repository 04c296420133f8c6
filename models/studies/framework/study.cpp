#include "models/studies/framework/study.h"

#include <fmt/format.h>
#include <iterator>
#include <utility>

namespace kantor {

using nlohmann::json;

std::string to_string(Scale scale) {
  return scale == Scale::tiny ? "tiny" : scale == Scale::quick ? "quick" : "full";
}

std::vector<StudyRun> every_seed(const std::vector<Arm>& arms, const StudySettings& settings) {
  std::vector<StudyRun> runs;
  for (int64_t seed = settings.first_seed; seed < settings.first_seed + settings.seeds; ++seed) {
    for (const Arm& arm : arms) {
      json all = arm.more;
      all.update({{"arm", arm.name}, {"seed", seed}, {"config", arm.config}});
      runs.push_back({fmt::format("{}-{}", arm.name, seed), all});
    }
  }
  return runs;
}

std::vector<StudyRun> Study::runs(const StudySettings& settings) const {
  return every_seed(arms(settings), settings);
}

void append(Conclusion& conclusion, Conclusion part) {
  const auto move_behind = [](auto& to, auto& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  move_behind(conclusion.method, part.method);
  move_behind(conclusion.findings, part.findings);
  move_behind(conclusion.figures, part.figures);
  move_behind(conclusion.meaning, part.meaning);
  move_behind(conclusion.limits, part.limits);
}

}  // namespace kantor
