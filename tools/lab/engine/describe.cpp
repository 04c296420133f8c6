// What can be set: the program's own tables, so that a new loss, constraint or optimizer appears on the page by itself.
#include "engine/build_info.h"
#include "models/data/open_dataset.h"
#include "models/losses/loss.h"
#include "models/training/networks.h"
#include "models/training/presets.h"
#include "tools/lab/engine/session.h"
#include "tools/lab/engine/settings.h"

#include <algorithm>

namespace kantor::lab {
namespace {

constexpr const char* kinds[] = {"flag", "integer", "number", "word"};  // in the order of ConfigValue

json describe_field(const ConfigField& field, const RunConfig& defaults) {
  const ConfigValue value = field.get(defaults);
  json entry{{"key", field.key}, {"text", field.text}, {"kind", kinds[value.index()]}, {"default", to_json(value)}};
  if (field.changeable) entry["changeable"] = true;
  if (!field.choices.empty()) entry["choices"] = field.choices;
  if (field.low < field.high) {
    entry["low"] = field.low;
    entry["high"] = std::min(field.high, most_in_the_lab(field.key).value_or(field.high));
  }
  return entry;
}

/// The presets on data that the lab has.
json describe_presets() {
  json presets = json::array();
  for (const std::string& name : preset_names()) {
    const RunConfig config = preset(name, "");
    const std::vector<std::string>& data = dataset_kinds();
    if (std::find(data.begin(), data.end(), config.data.kind) == data.end() || name.ends_with("-paper")) continue;
    presets.push_back({{"name", name}, {"values", offered_values(starting_point(name, ""))}});
  }
  return presets;
}

/// Whether the constraint adds a term to the loss, which lambda weighs: seen on a small critic.
bool has_penalty(const std::string& kind) {
  RunConfig config = starting_point("ring8", kind);
  config.critic.width = 4;
  const Shape sample{2};
  const Critic critic(critic_layers(config, sample), sample, critic_options(config, {}));
  const Tensor points = zeros({2, 2}), step = zeros({}, {DType::int64, {}});
  return critic.loss({points, points, {}, {}, {0, 0, step, 0}, {0, 0, step, 0}}).term.value.defined();
}

json describe_constraints() {
  json constraints = json::array();
  for (const ConstraintKind& kind : constraint_table()) {
    constraints.push_back({{"name", kind.name},
                           {"title", kind.title},
                           {"text", kind.text},
                           {"penalty", has_penalty(kind.name)},
                           {"values", offered_values(starting_point("ring8", kind.name))}});
  }
  return constraints;
}

}  // namespace

void describe(Session& /*session*/, const json& /*request*/, Answer& answer) {
  const BuildInfo build = build_info();
  const RunConfig defaults = starting_point("ring8", "");
  json fields = json::array(), losses_here = json::array();
  for (const ConfigField& field : config_fields()) {
    if (is_offered(field)) fields.push_back(describe_field(field, defaults));
  }
  for (const Loss& loss : losses()) losses_here.push_back({{"name", loss.name}, {"text", loss.text}});
  answer.fields = {{"version", build.version},
                   {"commit", build.commit},
                   {"fields", std::move(fields)},
                   {"presets", describe_presets()},
                   {"constraints", describe_constraints()},
                   {"losses", std::move(losses_here)},
                   {"parts", frame_parts()},
                   {"optimizers", optimizer_names()},
                   {"datasets", dataset_kinds()}};
}

}  // namespace kantor::lab
