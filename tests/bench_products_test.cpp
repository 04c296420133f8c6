// `kantor bench products` on the simulator: every line is JSON with the figures that bench/fit_paces.py reads, results
// are right, and what it cannot time it refuses.
#include "tests/program.h"

#include <map>
#include <sstream>
#include <string>
#include <vector>

using namespace kantor;
using nlohmann::json;

namespace {

std::vector<json> lines_in(const std::string& text) {
  std::vector<json> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
  return lines;
}

}  // namespace

TEST_CASE("program: bench products times every plan of a product, whose results are right") {
  const ProgramResult result = run_kantor(
      {"bench", "products", "gemm:12x8x136", "--device", "sim", "--arithmetic", "three_tf32", "--arithmetic", "bf16"});
  INFO(result.err);
  REQUIRE(result.code == 0);
  const std::vector<json> lines = lines_in(result.out);
  REQUIRE(lines.size() > 10);
  CHECK(lines[0]["simulated"] == true);
  CHECK(lines[0]["multiprocessors"] == 132);
  CHECK(lines[0]["caches"] == "warm");
  CHECK(lines[1]["kernel"] == "predecessor");
  std::map<std::string, int> plans;
  for (size_t i = 1; i < lines.size(); ++i) {
    const json& line = lines[i];
    INFO(line.dump());
    CHECK(line["op"] == "gemm");
    CHECK(line["shape"] == "gemm:12x8x136");
    CHECK(line["microseconds"] > 0);
    CHECK(line["tflops"] > 0);
    if (line["kernel"] != "tiles") continue;
    const auto arithmetic = line["arithmetic"].get<std::string>();
    ++plans[arithmetic];
    CHECK((line["m"] == 12 && line["n"] == 8 && line["k"] == 136 && line["parts"] == 1 && line["out"] == 96));
    CHECK(line["tile"].size() == 3);
    CHECK(line["blocks"] >= 1);
    CHECK(line["splits"] >= 1);
    CHECK(line["second_launch"].is_boolean());
    CHECK(line["predicted"] > 0);
    REQUIRE(line["error"].is_number());  // else it is not finite
    CHECK(line["error"] < (arithmetic == "bf16" ? 1.0 / (1 << 7) : 1.0 / (1 << 20)));
  }
  CHECK(plans["float32"] ==
        5 + 3 * 2);  // three of five tilings have 4 stages for each of two splits, added in two ways
  CHECK(plans["three_tf32"] == 3);
  CHECK(plans["bf16"] == 4);
  CHECK_THAT(result.err, Contains("chosen/best") && Contains("14 of 14") && Contains("4 of 4"));
}

TEST_CASE("program: bench products times the chosen plans alone, and those of a convolution's passes") {
  const ProgramResult result = run_kantor({"bench", "products", "conv:2x6x5x8:12:3:2:1", "conv:1x4x4x1:8:3:1:1",
                                           "--best", "--device", "sim", "--arithmetic", "float32", "--seconds", "0"});
  INFO(result.err);
  REQUIRE(result.code == 0);
  std::map<std::string, int> lines;
  for (const json& line : lines_in(result.out)) {
    if (line.contains("op")) ++lines[line["op"].get<std::string>() + ", " + line["kernel"].get<std::string>()];
  }
  // of one channel, the tile engine makes the weight gradient only
  CHECK(lines == std::map<std::string, int>{{"forward, predecessor", 2},
                                            {"forward, tiles", 1},
                                            {"input_grad, predecessor", 2},
                                            {"input_grad, tiles", 1},
                                            {"weight_grad, predecessor", 2},
                                            {"weight_grad, tiles", 2}});
}

TEST_CASE("program: bench products refuses shapes and arithmetics that it does not know, and the CPU") {
  for (const char* shape : {"gemm", "gemm:1x2", "gemm:0x2x3", "gemm:1x2x3x4", "gemm:12345678x1x1", "conv:1x2x3x4:5:6:7",
                            "conv:1x2x2x4:5:3:1:0", "conv:1x4x4x4:4:3:0:1"}) {
    check_refused({"bench", "products", shape}, 2, {shape, "gemm:MxNxK"});
  }
  check_refused({"bench", "products", "--arithmetic", "float64"}, 2, {"float64", "three_tf32"});
  check_refused({"bench", "products", "--device", "cpu", "gemm:4x4x4"}, 4, {"sim"});
}
