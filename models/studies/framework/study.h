// Study: one claim about weight clipping, tried. A study names its arms, does one run of an arm, and concludes from all
// runs. Each has a folder of its own and a line in models/studies/all.cpp; docs/studies.md explains it to a reader. The
// runner (runner.h) starts the runs.
#pragma once

#include "engine/device.h"
#include "models/plot/chart.h"
#include "models/studies/framework/verdict.h"
#include "models/training/fused_options.h"

#include <cstdint>
#include <filesystem>
#include <functional>
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
  /// For benchmark-w1: pairs as open_pair takes them; empty means its own choice.
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

/// One way of training, which is run at every seed, and how charts and tables show it.
struct Arm {
  std::string name = {};                             // "clip-0.01": of its runs' folders and of their settings' "arm"
  std::string label = {};                            // "clipping, c = 0.01"
  int colour = 0;                                    // of a chart: see `colours` in arms.h
  nlohmann::json config = nlohmann::json::object();  // keys of RunConfig that differ from the defaults
  nlohmann::json more = nlohmann::json::object();    // further settings of the study's run
  bool further = false;  // a constraint besides the study's own: drawn dashed and not judged
};

/// One training or measurement. `settings` alone decide its numbers: "arm", "seed", "config", and what the arm has
/// more.
struct StudyRun {
  std::string id;  // a folder's name, "<arm>-<seed>"
  nlohmann::json settings;
};

/// Where and how a run is trained.
struct RunPlace {
  Device device = {};
  std::filesystem::path folder = {};  // pictures go there
  Fused fused = Fused::automatic;     // steps
};

class CurveRun;

struct Outcome {
  std::string id;
  nlohmann::json settings, numbers;
};

/// A figure of the result, in figures/<file>.
struct Figure {
  std::string file;          // with its ending
  std::string caption;       // what is seen, and how to read it
  Chart chart = {};          // drawn as SVG, or
  std::string picture = {};  // "<run>/<name>.png": a picture that a run left. It is copied; left out where it is gone
};

struct Conclusion {
  std::vector<std::string> method = {};  // paragraphs: how it was tried, in numbers
  std::vector<Finding> findings = {};
  std::vector<Figure> figures = {};
  std::vector<std::string> meaning = {}, limits = {};  // what it means, made from the findings; what it does not show
};

struct Study {
  std::string name;   // in commands and folders
  std::string title;  // the claim in a few words
  std::string claim;  // what the literature says, in a sentence or two
  std::function<std::vector<Arm>(const StudySettings& settings)> arms;
  /// Does one run; pictures go into `folder`. Returns the measured numbers. Unset where `curve_run` builds every run.
  std::function<nlohmann::json(const nlohmann::json& settings, Device device, const std::filesystem::path& folder)> run;
  /// Concludes from the runs that succeeded; there may be none.
  std::function<Conclusion(const std::vector<Outcome>& outcomes, const StudySettings& settings)> conclude;
  /// Builds a run that is one training, evaluated as it goes (curve_run.h): the framework trains it, beside others
  /// where it can. Null for a run of another kind, which `run` does.
  std::function<std::unique_ptr<CurveRun>(const nlohmann::json& settings, const RunPlace& place)> curve_run = {};

  [[nodiscard]] std::vector<StudyRun> runs(const StudySettings& settings) const;
};

/// Every arm at every seed. Seeds are outermost, so that a study that is stopped has seen every arm.
std::vector<StudyRun> every_seed(const std::vector<Arm>& arms, const StudySettings& settings);

/// Adds a part's conclusion behind the study's own.
void append(Conclusion& conclusion, Conclusion part);

}  // namespace kantor
