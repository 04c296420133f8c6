#include "tests/sim/support.h"

#include "kernels/sim/simulator.h"
#include "tests/catch.h"

namespace kantor::testing {

Array::Array(size_t size, float value) : Array(std::vector<float>(size, value)) {}

Array::Array(const std::vector<float>& values)
    : data_(static_cast<float*>(sim::device_malloc(values.size() * 4))), size_(values.size()) {
  sim::copy_in(data_, values.data(), size_ * 4);
}

Array::~Array() {
  sim::device_free(data_);
}

std::vector<float> Array::host() const {
  std::vector<float> values(size_);
  sim::copy_out(values.data(), data_, size_ * 4);
  return values;
}

void in_every_order(const std::function<void()>& fn) {
  sim::set_order(sim::Order::forward);
  fn();
  sim::set_order(sim::Order::reverse);
  fn();
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    sim::set_order(sim::Order::random, seed);
    fn();
  }
  sim::set_order(sim::Order::forward);
}

void found(const std::function<void()>& fn, const std::vector<std::string>& texts) {
  in_every_order([&] {
    try {
      fn();
      FAIL_CHECK("nothing was found");
    } catch (const KernelError& error) {
      for (const std::string& text : texts) CHECK_THAT(error.what(), kantor::Contains(text));
    }
  });
}

}  // namespace kantor::testing
