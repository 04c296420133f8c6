// `kantor bench steps`: what it counts and refuses, its protocol, and that what it times has the right gradients.
#include "models/files/safetensors.h"
#include "models/gan/gradients.h"
#include "models/nn/network.h"
#include "tests/paths.h"
#include "tests/program.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fmt/format.h>
#include <span>
#include <sstream>
#include <string>
#include <vector>

using namespace kantor;
using nlohmann::json;

namespace {

/// What `kantor bench steps --serve` answers to these lines.
std::vector<json> served(const ProgramFolder& folder, const std::string& device, const std::string& lines) {
  const std::string command = fmt::format("'{}' bench steps --serve --device {} < '{}' > '{}'", program_path().string(),
                                          device, folder.file("asked", lines), folder / "answered");
  REQUIRE(std::system(command.c_str()) == 0);
  std::vector<json> answers;
  std::istringstream text(text_of(folder / "answered"));
  for (std::string line; std::getline(text, line);) answers.push_back(json::parse(line));
  return answers;
}

/// The network whose layers and weights a file of a step's start has, in float64.
Network network_of(const TensorFile& file, const std::string& name, const Shape& sample) {
  Network network(json::parse(file.metadata.at(name)), sample, {{DType::float64, {}}});
  load_parameters(network, file, name + ".");
  return network;
}

/// The gradients that the library computes in float64 from a step's start.
TensorFile expected_gradients(const TensorFile& start, const std::string& step) {
  const Tensor z = start.at("z").to(DType::float64), real = start.at("real");
  const Shape one(std::span(real.shape().begin() + 1, real.shape().end()));
  const Network critic = network_of(start, "critic", one), generator = network_of(start, "generator", {z.shape()[1]});
  TensorFile of_generator = generator_gradients(generator, critic, z);
  if (step == "generator") return of_generator;
  GradientRequest request;
  request.real = real;
  request.fake = of_generator.at("sample");
  request.eps = start.at("eps");
  request.constraint.kind = step;
  return critic_gradients(critic, request);
}

}  // namespace

TEST_CASE("program: bench steps counts and times every step of every model, on cpu and sim") {
  const ProgramFolder folder;
  for (const bool simulated : {false, true}) {
    const ProgramResult result =
        run_kantor({"bench", "steps", "mlp:8:16", "dcgan:2:2", "--device", simulated ? "sim" : "cpu", "--repetitions",
                    "2", "--min-time", "0", "--json", folder / "b.json"});
    INFO(result.err);
    REQUIRE(result.code == 0);
    const json bench = json::parse(text_of(folder / "b.json"));
    CHECK(bench["simulated"] == simulated);
    CHECK(bench["rewrites"] == "all");
    CHECK(bench["load"].contains("others"));
    CHECK_THAT(result.out, Contains("mlp:8:16") && Contains("generator") && Contains("launches"));
    // and two iterations of the plane's model, on `sim` recorded and fused, in float32 and by three TF32 products
    REQUIRE(bench["rows"].size() == (simulated ? 12 : 8));
    int fused = 0, by_three = 0;
    for (const json& row : bench["rows"]) {
      INFO(row.dump());
      CHECK(row["repetitions"] == (simulated ? 1 : 2));
      CHECK(row["passed"] == true);
      CHECK(row["best"] <= row["p90"]);
      if (row.contains("by")) {
        CHECK(row["model"] == "mlp:8:16");
        CHECK(row["step"].get<std::string>().starts_with("iteration, "));
        fused += row["by"] == "fused" ? 1 : 0;
        by_three += row["by"] == "fused by three TF32 products" ? 1 : 0;
        CHECK((row["by"] == "recorded" ? row["launches"] > 80 : row["launches"] == 1));
        continue;
      }
      CHECK(row["launches"] >= 10);
      CHECK(row["launches"] <= (row["step"] == "penalty" ? 45 : 35));
    }
    CHECK(fused == (simulated ? 2 : 0));
    CHECK(by_three == (simulated ? 2 : 0));
    CHECK(bench["rows"][1]["step"] == "penalty");
    CHECK(bench["rows"][1]["flops"] == 11 * 2 * (2 * 16 * 8 * 8));
    // 14 x 14 x 2 -> 7 x 7 x 4 -> 4 x 4 x 8: along an axis 3 + 5 x 5 + 4 and 3 + 5 + 5 + 3 taps without padding
    const json& images = bench["rows"][simulated ? 10 : 6];
    CHECK(images["model"] == "dcgan:2:2");
    CHECK(images["flops"] == 11 * 2 * 2 * (4 * 2 * 32 * 32 + 8 * 4 * 16 * 16));
  }
  const ProgramResult written = run_kantor({"bench", "steps", "mlp:8:16", "--step", "clip", "--device", "sim",
                                            "--rewrites", "none", "--json", folder / "n.json"});
  REQUIRE(written.code == 0);
  CHECK(json::parse(text_of(folder / "n.json"))["rows"][0]["launches"] > 45);
}

TEST_CASE("program: bench steps refuses models, steps, rewrites and repetitions that it does not know") {
  for (const char* model :
       {"mlp", "mlp:8", "mlp:8:0", "mlp:8:16:1", "mlp:-8:16", "mlp:8x:16", "rnn:8:16", "mlp:9999999:1"}) {
    check_refused({"bench", "steps", model}, 2, {model, "expected mlp:WIDTH:BATCH"});
  }
  check_refused({"bench", "steps", "--step", "r1"}, 2, {"r1", "penalty"});
  check_refused({"bench", "steps", "--rewrites", "some"}, 2, {"some", "pointwise"});
  check_refused({"bench", "steps", "--repetitions", "0"}, 2, {"--repetitions"});
}

TEST_CASE("program: bench steps answers rounds that lines of JSON ask for, and goes on after a wrong line") {
  const ProgramFolder folder;
  const std::vector<json> answers = served(folder, "cpu",
                                           R"({"context": true}
not JSON
{"model": "mlp:8:16", "step": "penalty", "seconds": 0.001}
{"model": "mlp:8:16", "step": "r1", "seconds": 0.001}
{"model": "mlp:8", "step": "clip", "seconds": 0.001}
{"model": "mlp:8:16", "step": "clip"}
{"model": "mlp:8:16", "step": "penalty", "gradients": "/nowhere/g"}
{"model": "mlp:8:16", "step": "penalty", "seconds": 0}
)");
  REQUIRE(answers.size() == 8);
  CHECK(answers[0]["device"] == "cpu");
  CHECK(answers[0]["build"].contains("version"));
  CHECK(answers[2]["seconds"] > 0);
  CHECK(answers[2]["steps"] >= 1);
  CHECK(answers[2]["launches"] >= 10);
  CHECK(answers[7]["steps"] == 1);
  for (const size_t i : {1, 3, 4, 5, 6}) CHECK(answers[i].contains("error"));
  CHECK_THAT(answers[3]["error"].get<std::string>(), Contains("r1") && Contains("generator"));
  CHECK_THAT(answers[4]["error"].get<std::string>(), Contains("expected mlp:WIDTH:BATCH"));
  CHECK_THAT(answers[6]["error"].get<std::string>(), Contains("/nowhere/g"));
}

TEST_CASE("program: bench steps writes the gradients of the steps that it times, and they are right") {
  const ProgramFolder folder;
  for (const char* device : {"cpu", "sim"}) {
    for (const char* model : {"mlp:8:16", "dcgan:2:2"}) {
      for (const char* step : {"clip", "penalty", "generator"}) {
        INFO(device << ", " << model << ", " << step);
        const json asked{{"model", model}, {"step", step}, {"gradients", folder / "g"}};
        const std::vector<json> answers = served(folder, device, asked.dump() + "\n");
        REQUIRE(answers.size() == 1);
        REQUIRE(answers[0] == json{{"gradients", folder / "g"}});
        const TensorFile start = read_safetensors(folder / "g"), expected = expected_gradients(start, step);
        double largest = 0, error = 0;
        size_t compared = 0;
        for (const auto& [name, tensor] : expected.tensors) {
          if (!name.starts_with("grad.")) continue;
          const auto found = start.at(name).to_vector<double>(), right = tensor.to_vector<double>();
          REQUIRE(found.size() == right.size());
          for (size_t i = 0; i < found.size(); ++i) {
            largest = std::max(largest, std::abs(right[i]));
            error = std::max(error, std::abs(found[i] - right[i]));
          }
          ++compared;
        }
        CHECK(compared == 8);
        // Clipped weights are small: a gradient is the difference of two means that are much larger.
        CHECK(error <= (std::string(step) == "clip" ? 3e-4 : 1e-5) * largest);
      }
    }
  }
}
