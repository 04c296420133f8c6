#include "models/studies/landscape_arms.h"

#include "models/studies/landscape_probe.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

namespace kantor {
namespace {

using nlohmann::json;

struct Kind {
  std::string constraint;
  ArmText text;  // its name goes behind "landscape-"
  size_t family;
  double clip = 0;
};
/// Eleven curves in one chart cannot be read; a family shares one.
struct Family {
  std::string file, title;
};
const std::vector<Family> families{{"weights", "no constraint, and clipping"},
                                   {"penalties", "penalties towards norm 1"},
                                   {"zero-centred", "penalties towards norm 0"},
                                   {"layers", "layers that are Lipschitz"}};
const std::vector<Kind> kinds{{"none", {"none", "none", 6}, 0},
                              {"clip", {"clip-0.01", "c = 0.01", 0}, 0, 0.01},
                              {"clip", {"clip-0.1", "c = 0.1", 4}, 0, 0.1},
                              {"penalty", {"penalty", "penalty", 1}, 1},
                              {"one-sided", {"one-sided", "one-sided", 5}, 1},
                              {"dragan", {"dragan", "dragan", 2}, 1},
                              {"r1", {"r1", "r1", 1}, 2},
                              {"r2", {"r2", "r2", 5}, 2},
                              {"spectral", {"spectral", "spectral", 3}, 3},
                              {"weight-norm", {"weight-norm", "weight-norm", 2}, 3},
                              {"groupsort", {"groupsort", "groupsort", 6}, 3}};

std::string arm_of(const Kind& kind) {
  return "landscape-" + kind.text.name;
}

std::vector<std::string> method(const StudySettings& s) {
  const json set = landscape_arms(s).front().config, more = landscape_arms(s).front().more;
  const auto whole = [](const json& settings, const char* key) { return settings.at(key).get<int64_t>(); };
  const json& grid = more.at("landscape");
  return {
      fmt::format(
          "The landscape: again the critic alone, width {}, {} steps of batch {}, under each constraint with its "
          "customary optimizer: clipping RMSProp 5e-4 from a start inside the box (U(-c, c), zero biases), all others "
          "Adam 1e-3 (0.5, 0.9) from He's start, penalties with lambda 10. Then its whole loss, with the penalty, on "
          "{} real and {} generated samples that were not trained on, in float64: along {} random directions at {} "
          "points and on a plane of two at {} x {}. Each direction is normal with every filter scaled to the norm of "
          "the critic's own (Li et al. 2018), followed {} lengths both ways. Shown is the loss minus that of the "
          "trained weights, over the standard deviation of the critic's scores, which is proportional to its K.",
          whole(set, "critic.width"), whole(more, "critic_steps"), whole(set, "train.batch"), whole(grid, "samples"),
          whole(grid, "samples"), whole(grid, "directions"), whole(grid, "points"), whole(grid, "resolution"),
          whole(grid, "resolution"), landscape_reach),
      fmt::format("The Hessian of that loss by all parameters: both ends of its spectrum at the start, the middle and "
                  "the end of the training, by power iteration on Hessian-vector products with all vectors kept "
                  "(Lanczos), until the residual of either is under {} of it or {} products are done. The raw "
                  "eigenvalue grows with K and with 1 / |w|^2; times |w|^2 over the scores' deviation it has no unit "
                  "and is the same when the weights of a critic without biases are all multiplied by a number.",
                  landscape_tolerance, whole(grid, "products"))};
}

std::vector<Finding> findings(const std::vector<Outcome>& all) {
  std::vector<Finding> result;
  for (const Kind& kind : kinds) {
    const auto add = [&](const std::string& what, const char* key) {
      result.push_back(
          observe(fmt::format("landscape, {}: {}", kind.text.label, what), values_of(all, arm_of(kind), key)));
    };
    add("largest eigenvalue of the Hessian at the end", "eigenvalue");
    add("decades of it, times |w|^2 / deviation of the scores", "log_relative_end");
    add("products with the Hessian until both ends settled, the most of three moments", "products");
    add("lowest eigenvalue, downwards, over the largest by magnitude", "downwards");
    add(fmt::format("change of the loss {} lengths away, in deviations", landscape_reach), "change");
    if (kind.clip == 0) continue;
    add("share of the parameters outside the box there", "outside_at_ends");
    add("share of the steps along the directions that leave the box", "steps_outside");
  }
  return result;
}

/// "none 1.5, c = 0.01 1.8, ...": means over the seeds.
std::string means(const std::vector<Outcome>& all, const char* key) {
  std::string list;
  for (const Kind& kind : kinds) {
    const auto values = values_of(all, arm_of(kind), key);
    list += fmt::format("{}{} ", list.empty() ? "" : ", ", kind.text.label);
    list += values.empty() ? "-" : fmt::format("{:.2g}", confidence_interval(values).mean);
  }
  return list;
}

/// How far the searches for eigenvalues came, all of them together.
std::string searches(const std::vector<Outcome>& all) {
  size_t count = 0;
  double settled = 0, products = 0, residual = 0;
  for (const Kind& kind : kinds) {
    for (const double value : values_of(all, arm_of(kind), "settled"))
      settled += value, count += landscape_moments.size();
    for (const double value : values_of(all, arm_of(kind), "products")) products = std::max(products, value);
    for (const double value : values_of(all, arm_of(kind), "residual")) residual = std::max(residual, value);
  }
  return fmt::format(
      "Of {} searches for eigenvalues {} settled on both ends of the spectrum before their products ran out; the most "
      "took {} products, and the largest residual is {:.1e} of its eigenvalue.",
      count, settled, products, residual);
}

std::vector<std::string> meaning(const std::vector<Outcome>& all) {
  const auto told = [&](const char* arm, const char* key) { return say(values_of(all, arm, key)); };
  return {
      fmt::format("The landscape's largest curvature at the end, in decades without a unit: {}; penalty minus clipping "
                  "with c = 0.1 {}. A large curvature alone is no distortion: a penalty holds the critic's slope by "
                  "being steep to whatever would change it. {}",
                  means(all, "log_relative_end"),
                  say(differences(all, "landscape-penalty", "landscape-clip-0.1", "log_relative_end")), searches(all)),
      fmt::format(
          "The share of it that lies downwards: {} (spectral with its singular vectors held). Where it is 1 the "
          "weights lie on a saddle: without a penalty or a parametrization the loss of a ReLU critic is linear in each "
          "layer's parameters between the kinks, so that the eigenvalues sum to 0, and nothing but the walls of the "
          "box holds a clipped critic. Near 0 they lie in a valley, which the penalty or the parametrization has made.",
          means(all, "downwards")),
      fmt::format(
          "{} lengths away the loss has changed by {} deviations under clipping with c = 0.01 and {} with 0.1, {} "
          "under the penalty. But {} and {} of the clipped parameters are outside the box there, where no training "
          "comes; with them put back on the walls the change is {} and {}, and the difference is what the walls do.",
          landscape_reach, told("landscape-clip-0.01", "change"), told("landscape-clip-0.1", "change"),
          told("landscape-penalty", "change"), told("landscape-clip-0.01", "outside_at_ends"),
          told("landscape-clip-0.1", "outside_at_ends"), told("landscape-clip-0.01", "change_reachable"),
          told("landscape-clip-0.1", "change_reachable"))};
}

/// Mean and interval of numbers[key], which are decades, as what they are decades of: an interval that stays above 0.
void add_decades(Series& series, const std::vector<double>& decades) {
  add_point(series, decades);
  for (auto* values : {&series.y, &series.low, &series.high}) values->back() = std::pow(10, values->back());
}

std::vector<Figure> curvature_figures(const std::vector<Outcome>& all) {
  Chart size{.kind = Chart::Kind::bars,
             .title = "Largest curvature of the critic's loss",
             .x_label = "constraint",
             .y_label = "|eigenvalue| |w|^2 / deviation",
             .log_y = true};
  Chart sign{.kind = Chart::Kind::bars,
             .title = "How much of it lies downwards, at the end",
             .x_label = "constraint",
             .y_label = "-lowest / largest by magnitude",
             .marks = {{1, "a saddle: as steep down as up"}}};
  constexpr std::array colours{6, 5, 1};
  for (size_t i = 0; i < landscape_moments.size(); ++i) {
    Series series{landscape_moments[i], colours[i], {}, {}};
    for (const Kind& kind : kinds) {
      add_decades(series, values_of(all, arm_of(kind), fmt::format("log_relative_{}", landscape_moments[i])));
    }
    size.series.push_back(series);
  }
  Series downwards{"lowest eigenvalue, downwards", 1, {}, {}};
  for (const Kind& kind : kinds) {
    size.categories.push_back(kind.text.label);
    add_point(downwards, values_of(all, arm_of(kind), "downwards"));
  }
  sign.categories = size.categories;
  sign.series = {downwards};
  return {
      {"landscape-curvature.svg",
       "Geometric mean and interval over the seeds at three moments of the training, on a logarithmic scale. Compare "
       "within a kind of constraint rather than across: a penalty's own curvature, which lambda sets, is in it.",
       size},
      {"landscape-signs.svg",
       "Mean and interval over the seeds. 1: in some direction the loss curves down as hard as it curves up in any, or "
       "harder; 0: it curves down in none.",
       sign}};
}

/// An empty chart of losses along the directions.
Chart slices(const std::string& title) {
  return {.title = "Loss along random directions: " + title,
          .x_label = "step, in lengths of the critic's own filters",
          .y_label = "change / deviation of the scores",
          .marks = {{0, "trained weights", true}}};
}

std::vector<Figure> slice_figures(const std::vector<Outcome>& all) {
  const std::string means = "Mean over the directions, then over the seeds with its 95 % band.";
  std::vector<Figure> result;
  for (size_t family = 0; family < families.size(); ++family) {
    Chart chart = slices(families[family].title);
    for (const Kind& kind : kinds) {
      if (kind.family != family) continue;
      chart.series.push_back(mean_curve(all, {arm_of(kind), kind.text.label, kind.text.colour}, "slice"));
    }
    const std::string box = " Under clipping these steps leave the box, where no training comes: see the next figure.";
    result.push_back({fmt::format("landscape-{}.svg", families[family].file), means + (family == 0 ? box : ""), chart});
    if (family > 0) continue;
    chart = slices("clipping, put back into the box");
    for (const Kind& kind : kinds) {
      if (kind.clip == 0) continue;
      chart.series.push_back(mean_curve(all, {arm_of(kind), kind.text.label, kind.text.colour}, "reachable"));
    }
    result.push_back(
        {"landscape-box.svg",
         means + " The same steps with every weight that left the box put back on its walls, as the training does it.",
         chart});
  }
  return result;
}

std::vector<Figure> pictures(const std::vector<Outcome>& all) {
  std::vector<Figure> result;
  for (const Kind& kind : kinds) {
    const auto outcomes = outcomes_of(all, arm_of(kind));
    if (outcomes.empty()) continue;
    const json& plane = outcomes.front()->numbers.at("plane");
    std::string caption = fmt::format(
        "Level sets of the loss on two random directions, {} lengths each way round the trained weights (the orange "
        "dot); dark low, bright high, from {:.3g} to {:.3g} deviations against the dot.",
        landscape_reach, plane.at("low").get<double>(), plane.at("high").get<double>());
    if (kind.clip > 0) {
      caption += fmt::format(" Of the steps along such directions {:.0f} % leave the box, where no training comes.",
                             100 * outcomes.front()->numbers.at("steps_outside").get<double>());
    }
    result.push_back({fmt::format("landscape-{}.png", kind.text.name),
                      caption,
                      {.title = "Loss landscape: " + kind.text.label},
                      outcomes.front()->id + "/landscape.png"});
  }
  return result;
}

}  // namespace

std::vector<Arm> landscape_arms(const StudySettings& s) {
  std::vector<Arm> arms;
  for (const Kind& kind : kinds) {
    json config{{"data.kind", "swissroll"},
                {"critic.constraint", kind.constraint},
                {"critic.width", s.pick(8, 64, 128)},
                {"train.batch", s.pick(16, 256, 256)}};
    if (kind.clip > 0) {
      config.update({{"clip.c", kind.clip},
                     {"critic.initialization", "box"},
                     {"critic.optimizer", "rmsprop"},
                     {"critic.learning_rate", 5e-4}});
    } else {
      config.update({{"critic.learning_rate", 1e-3}, {"critic.lambda", 10.0}});
    }
    arms.push_back({arm_of(kind),
                    config,
                    {{"critic_steps", s.pick(4, 400, 4000)},
                     {"landscape",
                      {{"samples", s.pick(16, 256, 1024)},
                       {"directions", s.pick(2, 4, 16)},
                       {"points", s.pick(5, 21, 41)},
                       {"resolution", s.pick(4, 21, 41)},
                       {"products", s.pick(4, 60, 200)}}}}});
  }
  return arms;
}

void conclude_landscape(const std::vector<Outcome>& all, const StudySettings& s, Conclusion& conclusion) {
  const auto add = [](auto& to, auto more) { to.insert(to.end(), more.begin(), more.end()); };
  add(conclusion.method, method(s));
  add(conclusion.findings, findings(all));
  add(conclusion.figures, curvature_figures(all));
  add(conclusion.figures, slice_figures(all));
  add(conclusion.figures, pictures(all));
  add(conclusion.meaning, meaning(all));
  add(conclusion.limits,
      std::vector<std::string>{
          "The landscape: a loss of ReLU is smooth only between its kinks, which have no second derivative; the "
          "eigenvalue is of the piece that the weights lie in. Under spectral normalization it is taken with the "
          "singular vectors held, as a training step takes its gradient; along the directions they are found anew at "
          "every point. One batch, one data set, one architecture; biases do not move along the directions.",
          "The unit makes critics of different K comparable, not constraints of different form: a penalty adds its own "
          "curvature with lambda, and a zero-centred one presses K, and with it the unit, far under 1. A large "
          "eigenvalue bounds the rate of plain gradient descent; RMSProp and Adam, which scale each weight's step, "
          "feel it less. No paper gives a number for \"distorted\", so that none of these lines is judged."});
}

}  // namespace kantor
