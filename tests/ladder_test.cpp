// Every version of every kernel family of the ladder against the family's reference in double.
#include "kernels/ladder/ladder.h"

#include "engine/device.h"
#include "engine/random.h"
#include "engine/target.h"
#include "tests/catch.h"

#include <cmath>
#include <string>
#include <vector>

using namespace kantor;

namespace {

std::vector<Tensor> tensors(const std::vector<int64_t>& sizes, Device device) {
  std::vector<Tensor> all;
  for (const int64_t size : sizes) all.push_back(zeros({size}, {DType::float32, device}));
  return all;
}

void check_rung(const ladder::Family& family, const ladder::Rung& rung, const std::vector<int64_t>& sizes,
                Device device) {
  HostRandom random(2031, 1);
  const std::vector<Tensor> inputs = tensors(family.inputs(sizes), device);
  const std::vector<Tensor> outputs = tensors(family.outputs(sizes), device);
  const Tensor workspace = zeros({family.workspace(sizes)}, {DType::float64, device});
  std::vector<std::vector<float>> values;
  ladder::Arrays arrays{sizes, {}, {}, workspace.view().as<double>()};
  for (const Tensor& input : inputs) {
    std::vector<float> drawn(static_cast<size_t>(input.size()));
    for (float& value : drawn) value = static_cast<float>(random.normal());
    input.assign(drawn);
    values.push_back(drawn);
    arrays.inputs.push_back(input.view().as<float>());
  }
  for (const Tensor& output : outputs) {
    output.assign(std::vector<float>(static_cast<size_t>(output.size()), std::nanf("")));  // what stays unwritten shows
    arrays.outputs.push_back(output.view().as<float>());
  }
  rung.run(arrays, target_of(device).stream);
  synchronize(device);
  const auto expected = family.reference(sizes, values);
  REQUIRE(expected.size() == outputs.size());
  for (size_t k = 0; k < outputs.size(); ++k) {
    const std::vector<double> found = outputs[k].to_vector<double>();
    REQUIRE(found.size() == expected[k].size());
    for (size_t i = 0; i < found.size(); ++i) CHECK(found[i] == Approx(expected[k][i]).epsilon(1e-5).margin(1e-7));
  }
}

}  // namespace

TEST_CASE("ladder: every version computes what its family's reference does") {
  REQUIRE_FALSE(ladder::families().empty());
  std::vector<Device> devices{{Device::Kind::sim, 0}};
  if (const Device gpu{Device::Kind::cuda, 0}; why_unavailable(gpu).empty()) devices.push_back(gpu);
  for (const Device device : devices) {
    for (const ladder::Family& family : ladder::families()) {
      const auto rungs = ladder::rungs(family.name, target_of(device).backend);
      REQUIRE(rungs.size() >= 2);
      int production = 0;
      for (size_t i = 0; i < rungs.size(); ++i) {
        INFO(family.name << " v" << rungs[i].version << " on " << to_string(device));
        CHECK(rungs[i].version == static_cast<int>(i) + 1);  // none is missing, none is there twice
        production += rungs[i].production ? 1 : 0;
        for (const auto& sizes : family.test_sizes) check_rung(family, rungs[i], sizes, device);
      }
      CHECK(production == 1);
    }
  }
}
