// Slow motion: the next critic update in stages, with the numbers of one sample and of one weight.
#include "engine/grad_mode.h"
#include "engine/random.h"
#include "tools/lab/engine/layers.h"
#include "tools/lab/engine/rehearsal.h"
#include "tools/lab/engine/session.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <optional>

namespace kantor::lab {
namespace {

constexpr int64_t grid = 48;
constexpr size_t most_units = 8;  // of a layer that a table lists

/// Row `i` of a batch, [B, n] or [B].
std::vector<double> row(const Tensor& batch, int64_t i) {
  const std::vector<double> all = batch.to_vector<double>();
  const auto length = static_cast<int64_t>(all.size()) / batch.shape()[0];
  return {all.begin() + i * length, all.begin() + (i + 1) * length};
}

json entry(const char* symbol, const std::vector<double>& values) {
  return {{"symbol", symbol}, {"value", values.size() == 1 ? json(values[0]) : json(values)}};
}
json entry(const char* symbol, double value) {
  return {{"symbol", symbol}, {"value", value}};
}

double root_mean_square(const Tensor& tensor) {
  if (!tensor.defined()) return 0;
  double squares = 0;
  for (const double x : tensor.to_vector<double>()) squares += x * x;
  return std::sqrt(squares / static_cast<double>(tensor.size()));
}

/// The stages of one update, in order.
class Stages {
 public:
  Stages(const Trainer& trainer, const Session::NextUpdate& next, int64_t sample)
      : trainer_(trainer), next_(next), batch_(next.batch), sample_(sample), r_(rehearse(trainer, next.batch)) {
    const ConstraintTerm& term = r_.loss.term;
    penalised_ = term.value.defined();
    choose_weight();
    add_sample();
    if (penalised_) add_interpolate();
    add_forward();
    if (penalised_) add_input_gradient();
    if (penalised_) add_penalty();
    add_backward();
    add_update();
    if (std::isfinite(bounds()[tensor_])) add_clip();
  }

  json stages = json::array();
  json points = json::object();
  [[nodiscard]] const Rehearsal& rehearsal() const { return r_; }

 private:
  json& add(const char* id) {
    stages.push_back({{"id", id}, {"numbers", json::array()}, {"tables", json::array()}});
    return stages.back();
  }
  [[nodiscard]] const std::vector<double>& bounds() const { return trainer_.critic().trainable().optimizer().bounds(); }

  /// The weight that the stages follow: the one whose gradient is the largest, of those that the clip cuts if there are
  /// any, else of all.
  void choose_weight() {
    const auto& roles = r_.network.roles();
    double largest = -1;
    bool largest_is_cut = false;
    int layer = 0;
    for (size_t i = 0; i < roles.size(); ++i) {
      if (roles[i].bias || roles[i].norm) continue;
      ++layer;
      const std::vector<double> values = r_.gradients.tensors()[i].to_vector<double>();
      const std::vector<double> updated = r_.updated[i].to_vector<double>();
      for (size_t j = 0; j < values.size(); ++j) {
        const bool cut = std::abs(updated[j]) > bounds()[i];
        if (cut == largest_is_cut ? !(std::abs(values[j]) > largest) : largest_is_cut) continue;
        largest = std::abs(values[j]);
        largest_is_cut = cut;
        tensor_ = i;
        element_ = j;
        const auto width = static_cast<size_t>(r_.network.parameters().tensors()[i].shape()[1]);
        weight_name_ = fmt::format("W{}[{}, {}]", layer, j / width, j % width);
      }
    }
  }
  [[nodiscard]] double chosen(const Tensor& tensor) const {
    return tensor.defined() ? tensor.to_vector<double>()[element_] : 0;
  }

  void add_sample() {
    const int64_t first = next_.number * trainer_.config().batch;
    points["real"] = row(batch_.real, sample_);
    points["fake"] = row(batch_.fake, sample_);
    add("sample")["numbers"] = {entry("x", row(batch_.real, sample_)),
                                entry("z", row(next_.samples->noise, first + sample_)),
                                entry("x\u0303", row(batch_.fake, sample_))};
  }

  void add_interpolate() {
    const ConstraintTerm& term = r_.loss.term;
    if (!term.points.defined()) return;
    points["at"] = row(term.points, sample_);
    json& numbers = add("interpolate")["numbers"];
    if (constraint_draws(trainer_.config().constraint.kind, ConstraintDraws::eps)) {
      numbers.push_back(entry("\u03b5", row(uniform({trainer_.config().batch}, batch_.eps_draw), sample_)));
    }
    numbers.push_back(entry("x\u0302", row(term.points, sample_)));
  }

  void add_forward() {
    json& stage = add("forward");
    const Network& critic = trainer_.critic().network();
    const auto score = [&](const char* symbol, const Tensor& scores) {
      stage["numbers"].push_back(entry(symbol, row(scores, sample_)));
    };
    score("D(x)", r_.loss.real_scores);
    score("D(x\u0303)", r_.loss.fake_scores);
    const Tensor at = r_.loss.term.points.defined() ? r_.loss.term.points : batch_.fake;
    const NoGrad no_grad;
    std::vector<Tensor> outputs;
    const Tensor scores = critic.trace(at, outputs, Mode::evaluate);
    if (r_.loss.term.points.defined()) score("D(x\u0302)", scores);
    stage["numbers"].push_back(entry("mean D(x) \u2212 mean D(x\u0303)", r_.loss.wasserstein.item()));
    json rows = json::array();
    for (const UnitLayer& layer : unit_layers(critic)) {
      std::vector<double> units = row(outputs[layer.traced], sample_);
      units.resize(std::min(units.size(), most_units));
      rows.push_back({{"layer", layer.name}, {"values", units}});
    }
    stage["tables"].push_back({{"symbol", "units"}, {"rows", std::move(rows)}});
  }

  void add_input_gradient() {
    const ConstraintTerm& term = r_.loss.term;
    if (!term.input_gradient.defined()) return;
    points["gradient"] = row(term.input_gradient, sample_);
    add("input_gradient")["numbers"] = {entry("\u2207D(x\u0302)", row(term.input_gradient, sample_)),
                                        entry("\u2016\u2207D(x\u0302)\u2016", row(term.norms, sample_))};
  }

  void add_penalty() {
    const ConstraintTerm& term = r_.loss.term;
    json& numbers = add("penalty")["numbers"];
    if (term.norms.defined()) {
      numbers.push_back(entry("\u2016\u2207D(x\u0302)\u2016", row(term.norms, sample_)));
    }
    if (const auto own = penalty_of_sample()) numbers.push_back(entry("of this sample", *own));
    numbers.push_back(entry("\u03bb", trainer_.config().constraint.lambda));
    numbers.push_back(entry("penalty", term.value.item()));
    numbers.push_back(entry("loss", r_.loss.loss.item()));
  }

  /// The term of a batch that holds the sample alone. None where the constraint or the critic looks at the whole batch.
  [[nodiscard]] std::optional<double> penalty_of_sample() const {
    const Critic& critic = trainer_.critic();
    const bool whole_batch = constraint_draws(trainer_.config().constraint.kind, ConstraintDraws::noise);
    if (whole_batch || critic.network().has_batch_norm()) return std::nullopt;
    CriticBatch one = batch_;
    one.real = slice(batch_.real, 0, sample_, sample_ + 1).detach();
    one.fake = slice(batch_.fake, 0, sample_, sample_ + 1).detach();
    one.eps_draw.first += sample_;
    return critic.constraint().penalty(critic.network(), one).value.item();
  }

  /// With a penalty this is the second backward pass: through the gradient by the input.
  void add_backward() {
    json& stage = add(penalised_ ? "second_backward" : "backward");
    json rows = json::array();
    const auto& roles = r_.network.roles();
    for (size_t i = 0; i < roles.size(); ++i) {
      if (roles[i].bias || roles[i].norm) continue;
      json values{root_mean_square(r_.score_gradients[i])};
      if (penalised_) values.push_back(root_mean_square(r_.term_gradients[i]));
      values.push_back(root_mean_square(r_.gradients.tensors()[i]));
      rows.push_back({{"layer", fmt::format("W{}", rows.size() + 1)}, {"values", std::move(values)}});
    }
    stage["tables"].push_back({{"symbol", "gradients"}, {"rows", std::move(rows)}});
    stage["numbers"].push_back({{"symbol", "weight"}, {"value", weight_name_}});
    stage["numbers"].push_back(entry("\u2202loss/\u2202w", chosen(r_.gradients.tensors()[tensor_])));
    if (penalised_) {
      stage["numbers"].push_back(entry("of the scores", chosen(r_.score_gradients[tensor_])));
      stage["numbers"].push_back(entry("of the penalty", chosen(r_.term_gradients[tensor_])));
    }
  }

  void add_update() {
    json& stage = add("update");
    json& numbers = stage["numbers"];
    numbers.push_back({{"symbol", "weight"}, {"value", weight_name_}});
    numbers.push_back(entry("w", chosen(r_.before[tensor_])));
    numbers.push_back(entry("g = \u2202loss/\u2202w", chosen(r_.gradients.tensors()[tensor_])));
    add_optimizer_state(numbers);
    numbers.push_back(entry("learning rate", trainer_.critic().trainable().optimizer().config().learning_rate));
    numbers.push_back(entry("w after", chosen(r_.updated[tensor_])));
    stage["optimizer"] = trainer_.config().critic.optimizer;
  }

  /// The optimizer's numbers for the weight, as they are after this update. Adam starts its moments m and v at 0 and
  /// divides them by 1 - beta^t, where t counts the updates: the corrected ones are in its formula.
  void add_optimizer_state(json& numbers) const {
    const OptimizerConfig& config = trainer_.critic().trainable().optimizer().config();
    for (const auto& [name, arena] : r_.state) {
      numbers.push_back(entry(name.substr(name.find('.') + 1).c_str(), chosen(arena.tensors()[tensor_])));
    }
    if (config.rule == "rmsprop") numbers.push_back(entry("\u03b1", config.alpha));
    if (config.rule == "adam" || config.rule == "adamw") {
      const auto t = static_cast<double>(r_.optimizer_step);
      const auto corrected = [&](size_t moment, double beta) {
        return chosen(r_.state[moment].second.tensors()[tensor_]) / (1 - std::pow(beta, t));
      };
      numbers.push_back(entry("m\u0302", corrected(0, config.beta1)));
      numbers.push_back(entry("v\u0302", corrected(1, config.beta2)));
      numbers.push_back(entry("t", t));
      numbers.push_back(entry("\u03b2\u2081", config.beta1));
      numbers.push_back(entry("\u03b2\u2082", config.beta2));
    }
    if (config.rule == "adamw") numbers.push_back(entry("\u03c9", config.weight_decay));
    if (!r_.state.empty()) numbers.push_back(entry("\u03f5", config.epsilon));
  }

  void add_clip() {
    int64_t outside = 0, clipped = 0;
    for (size_t i = 0; i < r_.updated.size(); ++i) {
      const double bound = bounds()[i];
      if (!std::isfinite(bound)) continue;
      for (const double w : r_.updated[i].to_vector<double>()) outside += std::abs(w) > bound ? 1 : 0;
      clipped += r_.updated[i].size();
    }
    add("clip")["numbers"] = {{{"symbol", "weight"}, {"value", weight_name_}},
                              entry("c", bounds()[tensor_]),
                              entry("w", chosen(r_.updated[tensor_])),
                              entry("w after", chosen(r_.after[tensor_])),
                              entry("weights cut", static_cast<double>(outside)),
                              entry("weights", static_cast<double>(clipped))};
  }

  const Trainer& trainer_;
  const Session::NextUpdate& next_;
  const CriticBatch& batch_;
  int64_t sample_;
  Rehearsal r_;
  bool penalised_ = false;
  size_t tensor_ = 0, element_ = 0;
  std::string weight_name_;
};

}  // namespace

void slow(Session& session, const json& request, Answer& answer) {
  const Trainer& trainer = *session.arm(request).trainer;
  const auto arm = request["arm"].get<size_t>();
  const int64_t sample = whole_number(request, "sample", 0, trainer.config().batch - 1);
  if (session.updates_made() >= trainer.config().critic_steps) {
    throw ArmError(arm, "this model's critic has made its updates of the step; the other one's go on");
  }
  const Session::NextUpdate next = session.next_update(arm);
  const Stages stages(trainer, next, sample);
  const Rehearsal& rehearsal = stages.rehearsal();
  answer.fields = {{"update", next.number},  {"updates", trainer.config().critic_steps}, {"step", session.steps_done()},
                   {"sample", sample},       {"samples", trainer.config().batch},        {"points", stages.points},
                   {"stages", stages.stages}};
  const std::vector<float> net = grid_points(grid, session.reach());
  answer.arrays["field_before"] = values_at(trainer.critic().network(), net).to_vector<float>();
  answer.arrays["field_after"] = values_at(rehearsal.network, net).to_vector<float>();
  answer.arrays["batch_real"] = next.batch.real.to_vector<float>();
  answer.arrays["batch_fake"] = next.batch.fake.to_vector<float>();
  const ConstraintTerm& term = rehearsal.loss.term;
  if (term.points.defined()) answer.arrays["batch_at"] = term.points.to_vector<float>();
  if (term.norms.defined()) answer.arrays["batch_norms"] = term.norms.to_vector<float>();
}

void slow_apply(Session& session, const json& /*request*/, Answer& answer) {
  (void)session.arms();
  session.make_update();
  answer.fields = {{"step", session.steps_done()}, {"update", session.updates_made()}};
}

}  // namespace kantor::lab
