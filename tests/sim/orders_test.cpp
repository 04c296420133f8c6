// Every op on the simulator in several orders of its threads: the bits must not change. Under AddressSanitizer each of
// its accesses is watched too.
#include "engine/ops.h"
#include "kernels/sim/simulator.h"
#include "tests/catch.h"
#include "tests/op_table.h"

#include <cstring>

using namespace kantor;
using namespace kantor::testing;

TEST_CASE("sim: every op gives the same bits in every order of threads") {
  const Device device{Device::Kind::sim, 0};
  uint32_t index = 0;
  for (const OpRow& row : op_table()) {
    HostRandom random(2028, 1, index++);
    for (int k = 0; k < 4; ++k) {
      const Case c = row.sample(random);
      std::vector<Tensor> inputs;
      for (const Tensor& input : c.inputs) {
        inputs.push_back((is_floating(input.dtype()) ? input.to(DType::float32) : input).to(device));
      }
      sim::set_order(sim::Order::forward);
      const auto forward = c.fn(inputs).to_vector<float>();
      for (uint64_t seed = 0; seed < 3; ++seed) {
        sim::set_order(seed == 0 ? sim::Order::reverse : sim::Order::random, seed);
        const auto other = c.fn(inputs).to_vector<float>();
        INFO(row.name << ", case " << k << ", order " << seed);
        REQUIRE(other.size() == forward.size());
        CHECK((forward.empty() || std::memcmp(forward.data(), other.data(), forward.size() * 4) == 0));
      }
      sim::set_order(sim::Order::forward);
    }
  }
}
