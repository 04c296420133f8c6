// The self-check of the tile engine: it passes the project's kernels, finds a wrong one, and is remembered.
#include "engine/verification.h"

#include "kernels/products/plan.h"
#include "tests/catch.h"
#include "tests/program.h"

#include <fstream>
#include <stdexcept>

using namespace kantor;

namespace {

constexpr Device sim_device{Device::Kind::sim, 0};

constexpr TileKernels of_float32{Arithmetic::float32};

}  // namespace

TEST_CASE("sim: the self-check passes the kernels of every arithmetic") {
  for (const TileKernels& kernels : all_tile_kernels) {
    INFO(name_of(kernels));
    CHECK(check_tiles(sim_device, kernels, tile_launchers(sim_device)) == "");
  }
}

TEST_CASE("verification: a wrong product and a wrong convolution are found, by their shapes and kernels") {
  const TileLaunchers right = tile_launchers(sim_device);
  TileLaunchers wrong = right;
  wrong.gemm = [&](GemmCall call, const ProductPlan& plan, const SplitMemory& memory) {
    if (plan.tiling == 3) call.epilogue.activation = {Activation::Kind::relu};
    right.gemm(call, plan, memory);
  };
  CHECK_THAT(check_tiles(sim_device, of_float32, wrong),
             Contains("product 132x36x260 in float32, tiling 3, 1 splits: element ") && Contains("is 0, expected -"));
  wrong = right;
  wrong.conv2d = [&](ConvCall call, const ProductPlan& plan, const SplitMemory& memory) {
    if (call.pass == ConvPass::input_grad && plan.second_launch) call.epilogue.activation = {Activation::Kind::tanh};
    right.conv2d(call, plan, memory);
  };
  CHECK_THAT(check_tiles(sim_device, of_float32, wrong), Contains("input gradient of 14x9x7x12 to 36"));
  wrong = right;
  wrong.gemm = [&](const GemmCall& call, ProductPlan plan, const SplitMemory& memory) {
    plan.arithmetic = Arithmetic::tf32;  // rounds where float32 accuracy was asked for
    right.gemm(call, plan, memory);
  };
  CHECK(check_tiles(sim_device, {Arithmetic::three_tf32}, wrong) != "");
}

TEST_CASE("verification: a wrong kernel of warpgroups is found, and leaves the arithmetic's others in use") {
  const TileLaunchers right = tile_launchers(sim_device);
  TileLaunchers wrong = right;
  wrong.gemm = [&](GemmCall call, const ProductPlan& plan, const SplitMemory& memory) {
    if (by_warpgroups(plan)) call.epilogue.activation = {Activation::Kind::relu};
    right.gemm(call, plan, memory);
  };
  CHECK_THAT(check_tiles(sim_device, {Arithmetic::tf32, true}, wrong),
             Contains("product 132x264x260 in TF32, tiling 4, 1 splits: element "));
  int others = 0;
  wrong.gemm = [&](const GemmCall&, const ProductPlan& plan, const SplitMemory&) {
    CHECK_FALSE(by_warpgroups(plan));
    ++others;
    throw std::runtime_error("the first is enough");
  };
  CHECK_THROWS(check_tiles(sim_device, {Arithmetic::tf32}, wrong));
  CHECK(others == 1);
}

TEST_CASE("verification: a check that a device refuses is a finding, in one line") {
  const auto refused = []() -> std::string { throw std::runtime_error("the launch was refused\nby the driver"); };
  const auto passes = [] { return std::string(); };
  CHECK(remembered_finding(sim_device, "a check", refused) == "the launch was refused by the driver");
  CHECK(remembered_finding(sim_device, "a check", passes) == "the launch was refused by the driver");
  CHECK(remembered_finding(sim_device, "another", passes).empty());
  CHECK(remembered_finding(sim_device, "a check", passes, true).empty());
}

TEST_CASE("verification: a check that asks for the findings of tiles comes to its end, and both are remembered") {
  const auto asks = [] {
    verified(sim_device, of_float32);
    return std::string();
  };
  CHECK(remembered_finding(sim_device, "one that asks", asks).empty());
  const ProgramFolder folder;
  const std::string file = folder / "verified.txt";
  const auto tiles = [](const TileKernels&) { return std::string("wrong"); };
  const auto nested = [&] { return remembered(file, "card", tiles)[0]; };
  CHECK(remembered_finding(file, "card, fused steps", nested) == "wrong");
  int checked = 0;
  const auto again = [&](const TileKernels&) {
    ++checked;
    return std::string();
  };
  CHECK(remembered(file, "card", again)[0] == "wrong");
  CHECK(remembered_finding(file, "card, fused steps", [] { return std::string(); }) == "wrong");
  CHECK(checked == 0);
}

TEST_CASE("verification: findings are remembered by card and build") {
  constexpr size_t tf32 = 2;
  constexpr int all = all_tile_kernels.size();
  const ProgramFolder folder;
  const std::string file = folder / "cache/kantor/verified.txt";
  int checks = 0;
  const auto check = [&](const TileKernels& kernels) {
    ++checks;
    return std::string(kernels.arithmetic == Arithmetic::tf32 && !kernels.warpgroups ? "element 3 is wrong" : "");
  };
  const Findings first = remembered(file, "a card, build 1", check), again = remembered(file, "a card, build 1", check);
  CHECK(checks == all);
  CHECK(first == again);
  Findings expected;
  expected[tf32] = "element 3 is wrong";
  CHECK(again == expected);
  remembered(file, "a card, build 2", check);
  CHECK(checks == 2 * all);
  remembered(file, "a card, build 1", check);
  CHECK(checks == 2 * all);  // the other build's lines are kept
  remembered(
      file, "a card, build 2", [](const TileKernels&) { return ""; }, true);  // as doctor --verify does
  CHECK(remembered(file, "a card, build 2", check) == Findings{});
  CHECK(remembered(file, "a card, build 1", check) == first);
  CHECK(checks == 2 * all);
}

TEST_CASE(
    "verification: a check in which the program dies is remembered as failed, a cache that cannot be written is done "
    "without") {
  const ProgramFolder folder;
  const std::string file = folder / "verified.txt";
  const std::string died = "the self-check did not come to its end";
  const auto dies = [](const TileKernels&) -> std::string { throw std::runtime_error("as a fault of the GPU would"); };
  CHECK_THROWS(remembered(file, "card", dies));
  for (const std::string& finding : remembered(file, "card", dies)) CHECK(finding == died);
  const auto dies_late = [&](const TileKernels& kernels) { return kernels.warpgroups ? dies(kernels) : ""; };
  CHECK_THROWS(remembered(file, "other card", dies_late));
  CHECK(remembered(file, "other card", dies_late) == Findings{"", "", "", "", died, died});

  int checks = 0;
  constexpr int all = all_tile_kernels.size();
  const auto passes = [&](const TileKernels&) {
    ++checks;
    return "";
  };
  const std::string blocked = folder.file("blocked", "a file where a folder should be") + "/kantor/verified.txt";
  CHECK(remembered(blocked, "card", passes) == Findings{});
  CHECK(remembered(blocked, "card", passes) == Findings{});
  CHECK(checks == 2 * all);
  std::ofstream(file) << "no tab\ncard, float32\tpassed\n";
  CHECK(remembered(file, "card", passes) == Findings{});  // incomplete: checked again
  CHECK(checks == 3 * all);
}
