#include "tests/ladder_checks.h"

#include "engine/target.h"
#include "kernels/sim/simulator.h"

#include <cstring>

namespace kantor::testing {

std::string wrong_values(ladder::Call& call, const ladder::Rung& rung, Device device) {
  for (int time = 0; time < 2; ++time) {
    try {
      call.prepare();
      call.run(rung, target_of(device).stream);
      synchronize(device);
    } catch (const KernelError& error) {
      return error.what();
    }
    const ladder::Finding worst = call.compare();
    if (!(worst.error <= rung.error)) return worst.text();
  }
  return "";
}

std::string differing_bits(ladder::Call& call, const ladder::Rung& rung) {
  std::vector<float> first;
  std::string found;
  for (const sim::Order order : {sim::Order::forward, sim::Order::reverse, sim::Order::random}) {
    sim::set_order(order, 7);
    try {
      call.prepare();
      call.run(rung);
      const std::vector<float> bits = call.outputs();
      if (first.empty()) first = bits;
      if (std::memcmp(bits.data(), first.data(), bits.size() * sizeof(float)) != 0) {
        found = "the bits depend on the order of threads";
      }
    } catch (const KernelError& error) {
      found = error.what();
    }
    if (!found.empty()) break;
  }
  sim::set_order(sim::Order::forward);
  return found;
}

}  // namespace kantor::testing
