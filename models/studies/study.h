// Study: one claim about weight clipping, tried. It names its runs, does one of them, and concludes from all: one file
// a study. The runner (runner.h) starts the runs; docs/studies.md explains each study to a reader.
#pragma once

#include "engine/device.h"
#include "models/plot/chart.h"
#include "models/studies/verdict.h"

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kantor {

/// How much a study tries: `full` as published, as far as a computer allows; `quick`, the same claim in minutes; `tiny`
/// runs every line of it in a second, for tests, and shows nothing.
enum class Scale : uint8_t { tiny, quick, full };
std::string to_string(Scale scale);

struct StudySettings {
  Scale scale = Scale::quick;
  int64_t seeds = 3;
  int64_t first_seed = 1;
  /// Constraints to show in every study besides its own, kinds of constraint_kinds(); never judged.
  std::vector<std::string> constraints = {};
  /// Of benchmark-w1: pairs as open_pair takes them; empty: its own choice.
  std::vector<std::string> pairs = {};
  std::string images = {};  // a folder with MNIST's four files, tried instead of Fashion-MNIST
  /// Seeds that a verdict needs: 3 in quick runs, 5 in full ones.
  [[nodiscard]] int64_t needed() const { return scale == Scale::full ? 5 : 3; }
  /// The value for this scale.
  template <class T>
  [[nodiscard]] T pick(T tiny, T quick, T full) const {
    return scale == Scale::tiny ? tiny : scale == Scale::quick ? quick : full;
  }
};

/// One training or measurement. `settings` alone decide its numbers: "arm", "seed", "config" (keys of RunConfig that
/// differ from its defaults), and what the study needs besides.
struct StudyRun {
  std::string id;  // a folder's name
  nlohmann::json settings;
};

struct Outcome {
  std::string id;
  nlohmann::json settings, numbers;
};

/// A figure of the result. It stands in figures/<file>.
struct Figure {
  std::string file;     // with its ending
  std::string caption;  // what is seen, and how to read it
  Chart chart = {};     // drawn as SVG, or
  std::string picture =
      {};  // a picture that a run left, "<run>/<name>.png", which is copied; left out where it is gone
};

struct Conclusion {
  std::vector<std::string> method;  // paragraphs: how it was tried, in numbers
  std::vector<Finding> findings;
  std::vector<Figure> figures;
  std::vector<std::string> meaning, limits;  // what it means, made from the findings; what it does not show
};

class Study {
 public:
  virtual ~Study() = default;
  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual std::string title() const = 0;
  /// What the literature says, in a sentence or two.
  [[nodiscard]] virtual std::string claim() const = 0;
  /// Seeds outermost, so that a study that is stopped has seen every arm.
  [[nodiscard]] virtual std::vector<StudyRun> runs(const StudySettings& settings) const = 0;
  /// Does one run; pictures go into `folder`. Returns the measured numbers.
  [[nodiscard]] virtual nlohmann::json run(const nlohmann::json& settings, Device device,
                                           const std::filesystem::path& folder) const = 0;
  /// From the runs that ended well, which may be none.
  [[nodiscard]] virtual Conclusion conclude(const std::vector<Outcome>& outcomes,
                                            const StudySettings& settings) const = 0;
};

/// All studies, in the order of the report.
const std::vector<std::unique_ptr<Study>>& studies();
/// Throws ConfigError naming the known ones.
const Study& find_study(const std::string& name);

}  // namespace kantor
