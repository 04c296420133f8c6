// The program as a user runs it: exit codes, error texts, what each subcommand prints and writes.
#include "tests/program.h"

#include "engine/random.h"
#include "models/files/atomic_file.h"
#include "models/files/npy.h"
#include "models/files/png.h"
#include "models/files/safetensors.h"
#include "models/gan/gradients.h"
#include "models/nn/architectures.h"
#include "tests/paths.h"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <sys/stat.h>

using namespace kantor;
using nlohmann::json;
namespace fs = std::filesystem;

TEST_CASE("program: help and version") {
  CHECK(run_kantor({"--version"}).out.starts_with("kantor 0."));
  for (const char* command :
       {"train", "compare", "study", "sample", "inspect", "gradients", "data", "report", "bench", "doctor"}) {
    const ProgramResult help = run_kantor({command, "--help"});
    CHECK(help.code == 0);
    CHECK_THAT(help.out, Contains("Example") && Contains(std::string("kantor ") + command));
  }
}

TEST_CASE("program: wrong usage exits 2 and suggests the right word") {
  const ProgramFolder folder;
  check_refused({}, 2, {"subcommand"});
  check_refused({"trian"}, 2, {"did you mean train?"});
  check_refused({"train", "--seeed", "3"}, 2, {"did you mean --seed?"});
  check_refused({"train", "--preset", "ring9"}, 2, {"did you mean ring8?"});
  check_refused({"train", "--constraint", "penality", "--out", folder / "a"}, 2, {"did you mean penalty?"});
  check_refused({"train", "--set", "train.stepz=3"}, 2, {"did you mean train.steps?"});
  check_refused({"train", "--set", "train.batch=-1"}, 2, {"train.batch = -1"});
  check_refused({"train", "--set", "critic.learning_rate=nan"}, 2, {"critic.learning_rate = nan"});
  check_refused({"train", "--set", "clip.c=0"}, 2, {"above 0"});
  check_refused({"train", "--config", folder.file("bad.toml", "[train]\nstep = 3\n")}, 2,
                {"bad.toml:2", "train.steps"});
  check_refused({"train", "--config", folder.file("deep.toml", "a = " + std::string(100'000, '['))}, 2, {"deep.toml"});
  check_refused({"train", "--resume"}, 2, {"--out"});
  check_refused({"train", "--set", "critic.network=dcgan", "--out", folder / "square"}, 2, {"square images"});
  write_png(folder / "twenty.png", {20, 20, 1, std::vector<uint8_t>(400)});
  check_refused({"train", "--data", folder.path.string(), "--set", "train.batch=1", "--out", folder / "square"}, 2,
                {"20 pixels", "16, 28, 32, 64", "critic.network=mlp"});
  CHECK_FALSE(fs::exists(folder / "square"));
}

TEST_CASE("program: a device that is not there exits 4 with the reason") {
  const ProgramFolder folder;
  check_refused({"train", "--device", "quantum", "--out", folder / "a"}, 4, {"quantum"});
  CHECK_FALSE(fs::exists(folder / "a"));
}

TEST_CASE("program: bad data exit 3 and name the file") {
  const ProgramFolder folder;
  const auto train_on = [&](const std::string& data) {
    return std::vector<std::string>{"train", "--data", data, "--out", folder / "out"};
  };
  check_refused(train_on(folder / "absent.npy"), 3, {"absent.npy", "no such file"});
  check_refused(train_on(folder.path.string()), 3, {"no files named *.png"});
  mkfifo((folder / "pipe").c_str(), 0600);
  check_refused(train_on(folder / "pipe"), 3, {"not a regular file"});
  check_refused(train_on(folder.file("cut.idx", std::string("\0\0\x08\x03", 4))), 3, {"cut.idx"});
  check_refused(train_on(folder.file("huge.idx", std::string("\0\0\x08\x03", 4) + std::string(12, '\xff'))), 3,
                {"huge.idx"});
  write_npy(folder / "few.npy", from_host<float>({0, 1, 2, 3}, {2, 2}));
  check_refused(train_on(folder / "few.npy"), 3, {"few.npy", "fewer than one batch"});
  check_refused({"train", "--preset", "fashion-small", "--set", "data.path=\"/nonexistent\"", "--out", folder / "out"},
                3, {"dataset-fashion-mnist"});
  check_refused({"inspect", folder / "few.npy"}, 3, {"few.npy"});
  check_refused({"report", folder / "absent"}, 3, {"absent"});
  CHECK_FALSE(fs::exists(folder / "out"));
}

TEST_CASE("program: divergence exits 5, and no checkpoint holds NaN") {
  const ProgramFolder folder;
  check_refused(tiny_training(folder / "run", {"--set", "critic.learning_rate=1e12", "--set", "critic.optimizer=sgd",
                                               "--set", "checkpoint.every=1"}),
                5, {"step ", "critic", "learning rate"});
  for (const auto& entry : fs::directory_iterator(folder / "run/checkpoints")) {
    for (const auto& [name, tensor] : read_safetensors(entry.path()).tensors) {
      for (const double value : tensor.to_vector<double>()) REQUIRE(std::isfinite(value));
    }
  }
}

TEST_CASE("program: a run folder holds what docs/run-folder.md lists") {
  const ProgramFolder folder;
  const std::string run = folder / "run";
  const ProgramResult result = run_kantor(tiny_training(run));
  INFO(result.err);
  REQUIRE(result.code == 0);
  for (const char* part : {"config.toml", "env.json", "metrics.jsonl", "metrics.csv", "report.html",
                           "checkpoints/step-0000030.safetensors", "samples/step-0000000.png",
                           "samples/step-0000015.png", "samples/step-0000030.png"}) {
    INFO(part);
    CHECK(fs::exists(fs::path(run) / part));
  }
  // The fields that docs/run-folder.md names: the page must not promise others.
  const json environment = json::parse(text_of(fs::path(run) / "env.json"));
  for (const char* field : {"version", "commit", "compiler", "device", "threads", "processor"}) {
    INFO(field);
    CHECK(environment.contains(field));
  }
  const auto commit = environment["commit"].get<std::string>();
  CHECK((commit == "unknown" ||
         (commit.size() == 12 && commit.find_first_not_of("0123456789abcdef") == std::string::npos)));
  const auto lines = lines_of(run);
  CHECK(lines.front()["step"] == 0);
  CHECK(lines.back()["step"] == 30);
  for (const char* key : {"seconds",
                          "step_milliseconds",
                          "critic_loss",
                          "generator_loss",
                          "critic_estimate",
                          "penalty",
                          "gradient_norm_mean",
                          "gradient_norm_deviation",
                          "gradient_norm_max",
                          "gradient_norm_real",
                          "gradient_norm_fake",
                          "gradient_norms",
                          "w1",
                          "w1_floor",
                          "w1_floor_deviation",
                          "modes",
                          "mode_count",
                          "high_quality",
                          "reverse_kl",
                          "saturation",
                          "layers",
                          "activation_gradients"}) {
    INFO(key);
    CHECK(lines.back().contains(key));
  }
  check_refused(tiny_training(run), 3, {"holds a run already", "--resume"});
  CHECK(lines_of(run) == lines);
  const ProgramResult printed = run_kantor({"train", "--config", run + "/config.toml", "--print-config"});
  CHECK(printed.out == text_of(run + "/config.toml"));
}

TEST_CASE("program: one and two threads write the same checkpoint") {
  const ProgramFolder folder;
  REQUIRE(run_kantor(tiny_training(folder / "one", {"--threads", "1"})).code == 0);
  REQUIRE(run_kantor(tiny_training(folder / "two", {"--threads", "2"})).code == 0);
  CHECK(text_of(newest(folder / "one")) == text_of(newest(folder / "two")));
}

TEST_CASE("program: compare writes one report over its runs") {
  const ProgramFolder folder;
  auto words = tiny_training(folder / "all");
  words[0] = "compare";
  words.insert(words.end(), {"--constraint", "clip", "--constraint", "r1", "--seed", "1", "--seed", "2"});
  words.insert(words.end(), {"--set", "name=\"</script><b>&\""});
  const ProgramResult result = run_kantor(words);
  INFO(result.err);
  REQUIRE(result.code == 0);
  for (const char* run : {"clip-1", "clip-2", "r1-1", "r1-2"})
    CHECK(fs::exists(folder.path / "all" / run / "metrics.jsonl"));
  const std::string page = text_of(folder / "all/report.html");
  CHECK(page.find("</script><b>") == std::string::npos);
  CHECK_THAT(result.out, Contains("constraint") && Contains("r1"));
}

TEST_CASE("program: sample, data, inspect and doctor print what they are for") {
  const ProgramFolder folder;
  REQUIRE(run_kantor(tiny_training(folder / "run", {"--constraint", "clip"})).code == 0);
  const std::string checkpoint = newest(folder / "run").string();
  REQUIRE(run_kantor({"sample", checkpoint, "--count", "7", "--out", folder / "s.npy"}).code == 0);
  CHECK(read_npy(folder / "s.npy").shape() == Shape{7, 2});
  REQUIRE(run_kantor({"data", "swissroll", "--count", "9", "--out", folder / "d.npy"}).code == 0);
  CHECK(read_npy(folder / "d.npy").shape() == Shape{9, 2});
  const json tensors = json::parse(run_kantor({"inspect", checkpoint, "--json"}).out);
  CHECK(tensors.dump().find("critic.0.weight") != std::string::npos);
  CHECK_THAT(run_kantor({"inspect", checkpoint}).out, Contains("critic.0.weight") && Contains("[8,2]"));
  CHECK_THAT(run_kantor({"doctor"}).out, Contains("cpu") && Contains("cuda"));
  CHECK(json::parse(run_kantor({"doctor", "--json"}).out).is_object());
}

TEST_CASE("program: gradients of every golden critic step, in float64") {
  const ProgramFolder folder;
  const std::map<std::string, std::string> constraints{
      {"two_sided", "penalty"}, {"one_sided", "one-sided"}, {"r1", "r1"}, {"r2", "r2"}, {"none", "none"}};
  int cases = 0;
  for (const auto& entry : fs::directory_iterator(source_folder() / "tests/golden")) {
    if (!entry.is_directory()) continue;
    const fs::path golden = entry.path();
    const json description = json::parse(text_of(golden / "case.json"));
    if (description["kind"] != "critic_step") continue;
    ++cases;
    TensorFile weights;
    for (const auto& name : description["parameters"]) {
      const auto text = name.get<std::string>();
      weights.tensors.emplace_back(text, read_npy(golden / ("param." + text + ".npy")));
    }
    write_safetensors(folder / "w.safetensors", weights);
    const auto array = [&](const char* name) { return (golden / name).string(); };
    std::vector<std::string> words{"gradients",
                                   "--network",
                                   folder.file("layers.json", description["layers"].dump()),
                                   "--weights",
                                   folder / "w.safetensors",
                                   "--real",
                                   array("real.npy"),
                                   "--fake",
                                   array("fake.npy"),
                                   "--constraint",
                                   constraints.at(description["penalty"]),
                                   "--out",
                                   folder / "g.safetensors"};
    if (description.contains("coefficient")) words.insert(words.end(), {"--lambda", description["coefficient"].dump()});
    if (fs::exists(golden / "eps.npy")) words.insert(words.end(), {"--eps", array("eps.npy")});
    const ProgramResult result = run_kantor(words);
    INFO(golden << "\n" << result.err);
    REQUIRE(result.code == 0);
    const TensorFile gradients = read_safetensors(folder / "g.safetensors");
    double largest = 0;
    for (const auto& [name, tensor] : gradients.tensors) {
      if (!name.starts_with("grad.")) continue;
      for (const double g : tensor.to_vector<double>()) largest = std::max(largest, std::abs(g));
    }
    for (const auto& [name, unused] : weights.tensors) {
      const auto found = gradients.at("grad." + pytorch_name(name)).to_vector<double>();
      const auto expected = read_npy(golden / ("grad." + name + ".npy")).to_vector<double>();
      REQUIRE(found.size() == expected.size());
      for (size_t i = 0; i < found.size(); ++i) CHECK(std::abs(found[i] - expected[i]) <= 1e-10 * largest);
    }
    CHECK(gradients.at("loss").item() == Approx(read_npy(golden / "loss.npy").item()).epsilon(1e-10));
  }
  CHECK(cases >= 8);
}

TEST_CASE("program: bench clip-vs-penalty counts, times and prices, on cpu and sim") {
  const ProgramFolder folder;
  for (const char* device : {"cpu", "sim"}) {
    const ProgramResult result =
        run_kantor({"bench", "clip-vs-penalty", "--quick", "--device", device, "--json", folder / "b.json"});
    INFO(result.err);
    REQUIRE(result.code == 0);
    const json bench = json::parse(text_of(folder / "b.json"));
    CHECK(bench["device"] == device);
    CHECK(bench["simulated"] == (std::string(device) == "sim"));
    CHECK_THAT(result.out, Contains("price") && Contains("RMSProp + clip"));
    CHECK(bench["rows"].size() > 10);
    CHECK(bench["load"].contains("warning"));
    CHECK(bench["machine"]["copy_spread"] >= 1);
    CHECK(bench["suite"] == "clip-vs-penalty");
    for (const json& row : bench["rows"]) {
      INFO(row.dump());
      CHECK(row["seconds"] > 0);
      CHECK(row["best"] <= row["p10"]);
      CHECK(row["p10"] <= row["p90"]);
      CHECK(row["launches"] >= 1);
      CHECK(row["passed"] == true);
      CHECK(row["over"] == false);
      CHECK(row.contains("price") == row.contains("constraint"));
      if (row["name"] == "RMSProp + clip + statistics") CHECK(row["bytes"] == 20 * 10'000);
    }
  }
}

TEST_CASE("program: gradients under constraints that need more than eps") {
  const ProgramFolder folder;
  const Network plain(mlp({3, 1, 4, 1, "tanh", "none"}), {3}, {{DType::float64, {}}});
  TensorFile weights;
  for (size_t i = 0; i < plain.parameters().rows().size(); ++i) {
    weights.tensors.emplace_back(plain.parameters().rows()[i].name, plain.to_file(static_cast<int>(i)));
  }
  write_safetensors(folder / "w.safetensors", weights);
  for (const char* name : {"real", "fake", "noise"}) {
    const uint32_t stream = static_cast<uint32_t>(name[0]);
    write_npy(folder / (name + std::string(".npy")),
              uniform({5, 3}, 1, stream, zeros({}, {DType::int64, {}}), DType::float64));
  }
  write_npy(folder / "short.npy", zeros({5, 2}));
  const auto words = [&](const std::string& constraint, const std::vector<std::string>& more = {}) {
    std::vector<std::string> all{"gradients",
                                 "--network",
                                 folder.file("layers.json", plain.description().dump()),
                                 "--weights",
                                 folder / "w.safetensors",
                                 "--real",
                                 folder / "real.npy",
                                 "--fake",
                                 folder / "fake.npy",
                                 "--constraint",
                                 constraint,
                                 "--out",
                                 folder / "g.safetensors"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  check_refused(words("dragan"), 2, {"--noise"});
  check_refused(words("dragan", {"--noise", folder / "short.npy"}), 3, {"short.npy", "[5, 2]", "[5, 3]"});
  check_refused(words("spectral"), 3, {"0.weight_u"});
  const auto request = [&](const std::string& kind) {
    GradientRequest r{read_npy(folder / "real.npy"), read_npy(folder / "fake.npy"), {}, {.kind = kind}};
    if (kind == "dragan") r.noise = read_npy(folder / "noise.npy");
    return r;
  };
  REQUIRE(run_kantor(words("dragan", {"--noise", folder / "noise.npy"})).code == 0);
  CHECK(read_safetensors(folder / "g.safetensors").at("penalty").item() ==
        critic_gradients(plain, request("dragan")).at("penalty").item());

  weights.tensors.emplace_back("0.weight_u", from_host<double>({1, 2, 3, 4}, {4}, {DType::float64, {}}));
  weights.tensors.emplace_back("2.weight_u", ones({1}, {DType::float64, {}}));
  write_safetensors(folder / "w.safetensors", weights);
  Network spectral(make_constraint({.kind = "spectral"})->layers(plain.description()), {3}, {{DType::float64, {}}});
  load_parameters(spectral, weights);
  REQUIRE(run_kantor(words("spectral")).code == 0);
  const TensorFile expected = critic_gradients(spectral, request("spectral"));
  const TensorFile found = read_safetensors(folder / "g.safetensors");
  for (const auto& [name, value] : expected.tensors) {
    CHECK(found.at(name).to_vector<double>() == value.to_vector<double>());
  }
  const std::string image =
      R"([{"type":"flatten"},{"type":"reshape","shape":[3,1,1]},{"type":"conv2d","in":3,"out":1,"kernel":1}])";
  auto convolution = words("groupsort");
  convolution[2] = folder.file("image.json", image);
  check_refused(convolution, 2, {"image.json", "layer 2 (conv2d)", "linear"});
}

TEST_CASE("program: compare trains under the constraints that change layers or draw") {
  const ProgramFolder folder;
  auto words = tiny_training(folder / "all");
  words[0] = "compare";
  for (const char* kind : {"dragan", "spectral", "weight-norm", "groupsort"}) {
    words.insert(words.end(), {"--constraint", kind});
  }
  const ProgramResult result = run_kantor(words);
  INFO(result.err);
  REQUIRE(result.code == 0);
  for (const char* run : {"dragan-1", "spectral-1", "weight-norm-1", "groupsort-1"}) {
    CHECK(lines_of(folder.path / "all" / run).size() > 1);
  }
  CHECK(read_safetensors(newest(folder / "all/spectral-1")).at("critic.0.weight_u").rank() == 1);
}

TEST_CASE("program: every subcommand tells its options, refuses others, and has its part in docs/program.md") {
  const std::string help = run_kantor({"--help"}).out;
  std::istringstream lines(help.substr(help.find("Subcommands:")));
  std::string line;
  std::getline(lines, line);
  std::ifstream file(source_folder() / "docs/program.md");
  const std::string page((std::istreambuf_iterator<char>(file)), {});
  int count = 0;
  while (std::getline(lines, line) && line.starts_with("  ")) {
    std::string name = line.substr(2, line.find(' ', 2) - 2);
    if (name.empty()) continue;  // a text that goes on
    ++count;
    INFO(name);
    CHECK(run_kantor({name, "--help"}).code == 0);
    CHECK(run_kantor({name, "--no-such-option"}).code == 2);
    CHECK_THAT(page, Contains("kantor " + name) || Contains("`" + name + "`"));
  }
  CHECK(count >= 10);
}

TEST_CASE("program: completion knows subcommands, options and values, in bash itself") {
  const ProgramFolder folder;
  const auto script = run_kantor({"completion", "bash"});
  REQUIRE(script.code == 0);
  write_file_atomically(folder / "completion.bash", script.out);
  const auto completed = [&](const std::string& words) {  // the last one is being typed
    const std::string line = "bash -c '. " + (folder / "completion.bash") + "; COMP_WORDS=(kantor " + words +
                             "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _kantor; echo \"${COMPREPLY[@]}\"' > " +
                             (folder / "out");
    REQUIRE(std::system(line.c_str()) == 0);
    const std::vector<std::byte> out = read_file(folder / "out");
    return std::string(reinterpret_cast<const char*>(out.data()), out.size());
  };
  CHECK(completed("tr") == "train\n");
  CHECK(completed("train --pres") == "--preset\n");
  CHECK(completed("train --preset ring8-") == "ring8-paper\n");
  CHECK(completed("train --preset ring8 --constraint cl") == "clip\n");
  CHECK(completed("compare --loss hi") == "hinge\n");
  CHECK(completed("study pile") == "pile-up\n");
  CHECK(completed("bench clip") == "clip-vs-penalty\n");
  CHECK(completed("bench steps --step pen") == "penalty\n");
  CHECK(completed("train --config conf") == "\n");  // a file: the shell's own completion
  for (const char* shell : {"zsh", "fish"}) {
    CHECK_THAT(run_kantor({"completion", shell}).out, Contains("ring8-paper") && Contains("weight-norm"));
  }
  CHECK(run_kantor({"completion", "ksh"}).code == 2);
}
