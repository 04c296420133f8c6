// The configuration: what is printed reads back the same, what is wrong is refused by key with the nearest known one,
// and docs/configuration.md agrees with the table of fields.
#include "models/training/config.h"

#include "models/losses/loss.h"
#include "models/training/config_fields.h"
#include "models/training/config_toml.h"
#include "models/training/presets.h"
#include "tests/catch.h"
#include "tests/paths.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace kantor;

namespace {

std::string print(const ConfigValue& value) {
  return std::visit(
      [](const auto& v) {
        std::ostringstream out;
        out << std::boolalpha << v;
        return out.str();
      },
      value);
}

/// docs/configuration.md, from the table of fields and the defaults of `ring8` under the penalty.
std::string configuration_page() {
  std::ostringstream page;
  page << "# Configuration\n\n"
          "Every key of a run, from `models/training/config_fields.cpp`. `kantor train --preset NAME --print-config` "
          "prints a\n"
          "preset's values as TOML; `--config FILE` reads such a file, `--set key=value` changes one key. Values below "
          "are\n"
          "those of `ring8` under the penalty. A run that is resumed may change the keys marked with *, and no others. "
          "A test\nkeeps this page equal to the program's table.\n\n"
          "| key | ring8 | meaning |\n|---|---|---|\n";
  const RunConfig config = preset("ring8", "penalty");
  for (const ConfigField& field : config_fields()) {
    page << "| `" << field.key << "`" << (field.changeable ? " *" : "") << " | `" << print(field.get(config)) << "` | "
         << field.text << " |\n";
  }
  page
      << "\n## Networks\n\n"
         "`mlp` takes points, and flattens pictures and sequences; `dcgan` takes square pictures; `rnn`, for critics, "
         "takes\nsequences [T, D]: a tanh state of `critic.width` units, and a linear layer on the last one.\n"
         "\n## Losses\n\n"
         "`train.loss` names what critic and generator minimize, D being the critic. The W1 estimate in the metrics is "
         "mean D(real) -\nmean D(fake) under each of them.\n\n"
         "| loss | what it is |\n|---|---|\n";
  for (const Loss& loss : losses()) page << "| `" << loss.name << "` | " << loss.text << " |\n";
  page << "\n## Constraints\n\n"
          "`critic.constraint` names one of these, or several that all hold, joined by +: `r1+r2`. Constraints that "
          "change layers say so\nin the checkpoint's layer list (`parametrization`, `group_sort`); normalization in "
          "such a critic undoes the bound.\n\n"
          "| constraint | what it does |\n|---|---|\n";
  for (const ConstraintKind& kind : constraint_table()) page << "| `" << kind.name << "` | " << kind.text << " |\n";
  return page.str();
}

}  // namespace

TEST_CASE("config: every preset under every constraint reads back as printed") {
  for (const std::string& name : preset_names()) {
    for (const std::string& constraint : constraint_kinds()) {
      const RunConfig config = preset(name, constraint);
      CHECK_NOTHROW(validate(config));
      for (const bool explained : {false, true}) {
        RunConfig read;
        apply_toml(read, to_toml(config, explained), "printed");
        CHECK(to_toml(read) == to_toml(config));
      }
    }
  }
}

TEST_CASE("config: texts with quotes, numbers with all their digits and comments survive") {
  RunConfig config;
  config.data.kind = "file";
  config.data.path = "a \"b\" \\ \n # c.npy";
  config.critic.learning_rate = 0.1 + 0.2;
  RunConfig read;
  apply_toml(read, to_toml(config, true), "printed");
  CHECK(read.data.path == config.data.path);
  CHECK(read.critic.learning_rate == config.critic.learning_rate);
}

TEST_CASE("config: --set takes numbers, flags, texts and bare words") {
  RunConfig config;
  apply_setting(config, "train.steps=7");
  apply_setting(config, "critic.learning_rate=1");
  apply_setting(config, "clip.biases=false");
  apply_setting(config, "critic.activation=tanh");
  apply_setting(config, "name=\"two words\"");
  CHECK(config.steps == 7);
  CHECK(config.critic.learning_rate == 1.0);
  CHECK_FALSE(config.constraint.clip_biases);
  CHECK(config.critic.activation == "tanh");
  CHECK(config.name == "two words");
}

TEST_CASE("config: what is wrong is refused by its key") {
  const auto refused = [](const std::string& setting, const std::string& text) {
    RunConfig config;
    const std::string before = to_toml(config);
    INFO(setting);
    CHECK_THROWS_WITH(apply_setting(config, setting), Contains(text));
    CHECK_THROWS_AS(apply_setting(config, setting), ConfigError);
    CHECK(to_toml(config) == before);
  };
  refused("train.step=1", "did you mean train.steps?");
  refused("critic.lamda=1", "did you mean critic.lambda?");
  refused("xyzzy=1", "--print-config` lists them");
  refused("train.batch=0", "an integer from 1 to 65536");
  refused("train.batch=-1", "train.batch = -1");
  refused("train.batch=9223372036854775808", "train.batch = 9223372036854775808");
  refused("train.batch=2.5", "an integer");
  refused("critic.learning_rate=nan", "critic.learning_rate = nan");
  refused("critic.learning_rate=inf", "critic.learning_rate = inf");
  refused("critic.learning_rate=0", "above 0");
  refused("clip.c=0", "above 0");
  refused("clip.c=-0.01", "clip.c = -0.01");
  refused("clip.biases=1", "true or false");
  refused("critic.constraint=clipp", "did you mean clip?");
  refused("train.steps", "expected KEY=VALUE");
  refused("=3", "expected KEY=VALUE");
  refused("train.steps=[1, 2]", "expected a number");
  refused("train.steps=1\ntrain.batch=2", "expected one KEY=VALUE");
}

TEST_CASE("config: networks that a constraint or an activation cannot have are refused before training") {
  const auto refused = [](const std::string& constraint, const std::vector<std::string>& settings,
                          const std::string& text) {
    RunConfig config = preset("ring8", constraint);
    INFO(constraint << " " << settings.front());
    for (const std::string& setting : settings) apply_setting(config, setting);
    CHECK_THROWS_WITH(validate(config), Contains(text));
    CHECK_THROWS_AS(validate(config), ConfigError);
  };
  refused("groupsort", {"critic.width=33"}, "critic.width = 33");
  refused("groupsort", {"groupsort.group=5", "critic.width=32"}, "groups of 5");
  refused("groupsort", {"groupsort.group=1"}, "groupsort.group = 1");
  refused("groupsort", {"critic.network=dcgan"}, "it takes mlp");
  refused("groupsort", {"critic.network=rnn"}, "it takes mlp");
  refused("penalty", {"critic.activation=group_sort", "critic.width=7"}, "critic.width = 7");
  refused("penalty", {"generator.activation=group_sort", "generator.width=9"}, "generator.width = 9");
  refused("penalty", {"critic.network=rnn", "critic.norm=layer"}, "critic.norm = layer");
}

TEST_CASE("config: a TOML file's errors name file and line") {
  RunConfig config;
  CHECK_THROWS_WITH(apply_toml(config, "[train]\n\nstep = 3\n", "run.toml"),
                    Contains("run.toml:3") && Contains("train.steps"));
  CHECK_THROWS_WITH(apply_toml(config, "[train\n", "run.toml"), Contains("run.toml:1"));
  CHECK_THROWS_WITH(apply_toml(config, "[a]\nsteps = 3\n", "run.toml"), Contains("run.toml:2: unknown key a.steps"));
  CHECK_THROWS_AS(apply_toml(config, "a = " + std::string(100'000, '['), "deep.toml"), ConfigError);
  CHECK_THROWS_AS(apply_toml(config, std::string(2000, '['), "deep.toml"), ConfigError);
  std::string dots;
  for (int level = 0; level < 400'000; ++level) dots += "a.";
  CHECK_THROWS_WITH(apply_toml(config, dots + "a = 1", "deep.toml"), Contains("deep.toml: nested too deep"));
  CHECK_THROWS_WITH(apply_toml(config, "[" + dots + "a]\nb = 1", "deep.toml"), Contains("nested too deep"));
  CHECK_THROWS_WITH(apply_setting(config, "train.steps=1\n" + dots + "a = 1"), Contains("--set: nested too deep"));
  CHECK_THROWS_AS(apply_toml(config, "a = {b = {b = {b = 1}}}", "deep.toml"), ConfigError);
}

TEST_CASE("config: an unknown preset gets the known ones") {
  CHECK_THROWS_WITH(preset("ring9", "clip"), Contains("did you mean ring8?") && Contains("fashion-small"));
}

TEST_CASE("config: docs/configuration.md is what the table of fields says (KANTOR_WRITE_DOCS=1 writes it)") {
  const std::string path = source_folder() / "docs/configuration.md";
  if (std::getenv("KANTOR_WRITE_DOCS") != nullptr) std::ofstream(path) << configuration_page();
  INFO("to write it anew: KANTOR_WRITE_DOCS=1 build/release/tests/kantor_tests 'config: docs*'");
  std::ifstream file(path);
  std::istringstream expected(configuration_page());
  std::string found, line;
  while (std::getline(expected, line)) {  // the first line that differs, not both pages
    REQUIRE(std::getline(file, found));
    REQUIRE(found == line);
  }
  CHECK_FALSE(std::getline(file, found));
}

TEST_CASE("config: names of the version before are taken, with a warning that names the new one") {
  RunConfig config;
  std::vector<std::string> warnings;
  apply_toml(config, "[generator]\naverage = 0.5\n[critic]\ninitialization = \"box\"\n", "old.toml", &warnings);
  CHECK(config.ema_decay == 0.5);
  CHECK(config.critic.initialization == "uniform");
  REQUIRE(warnings.size() == 2);
  CHECK_THAT(warnings[0] + warnings[1], Contains("generator.average is called generator.ema_decay now") &&
                                            Contains("critic.initialization = box is called uniform now"));
  apply_setting(config, "generator.average=0.25");
  CHECK(config.ema_decay == 0.25);
  CHECK_THAT(to_toml(config), Contains("ema_decay = 0.25") && !Contains("average"));
}

TEST_CASE("config: constraints can be joined, and a wrong part is told") {
  RunConfig config;
  apply_setting(config, "critic.constraint=r1+r2");
  CHECK(config.constraint.kind == "r1+r2");
  CHECK_THROWS_WITH(apply_setting(config, "critic.constraint=r1+penalti"),
                    Contains("penalti") && Contains("joined by +"));
  CHECK_THROWS_WITH(apply_setting(config, "critic.constraint=clp"), Contains("did you mean clip?"));
  CHECK_THROWS_WITH(apply_setting(config, "train.loss=hing"), Contains("did you mean hinge?"));
}
