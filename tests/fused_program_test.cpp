// The program's choice of the arithmetic of fused steps: the option, what the run folder says of it, and a resume that
// changes it.
#include "tests/catch.h"
#include "tests/program.h"

#include <nlohmann/json.hpp>

using namespace kantor;
using nlohmann::json;

TEST_CASE("program: --three-tf32 has fused steps multiply on tensor cores, and the run says so") {
  const ProgramFolder folder;
  const auto environment = [&](const std::string& run) { return json::parse(text_of(folder.path / run / "env.json")); };
  const std::vector<std::string> fused{"--device", "sim", "--fused", "on"};
  REQUIRE(run_kantor(tiny_training(folder / "plain", fused)).code == 0);
  std::vector<std::string> by_three = fused;
  by_three.emplace_back("--three-tf32");
  REQUIRE(run_kantor(tiny_training(folder / "three", by_three)).code == 0);
  for (const char* run : {"plain", "three"}) CHECK(environment(run)["steps"] == "fused, 1 blocks");
  CHECK(environment("plain")["arithmetic"] == "float32");
  CHECK(environment("three")["arithmetic"] == "float32 by three TF32 products");

  const ProgramResult resumed = run_kantor(
      {"train", "--resume", "--out", folder / "three", "--device", "sim", "--fused", "on", "--set", "train.steps=40"});
  CHECK(resumed.code == 0);
  const std::string change = "arithmetic of products: float32 instead of float32 by three TF32 products";
  CHECK((resumed.out + resumed.err).find(change) != std::string::npos);
  for (const char* other : {"--exact-float32", "--tf32", "--bf16"}) {
    check_refused({"train", "--three-tf32", other}, 2, {"--three-tf32", other});
  }
}
