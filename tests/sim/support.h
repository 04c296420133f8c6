// What the tests of the simulator share: arrays in its memory, all orders of threads, and the errors that it throws.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace kantor::testing {

/// Floats in device memory of the simulator.
class Array {
 public:
  explicit Array(size_t size, float value = 0);
  explicit Array(const std::vector<float>& values);
  ~Array();
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  [[nodiscard]] float* get() const { return data_; }
  [[nodiscard]] std::vector<float> host() const;

 private:
  float* data_;
  size_t size_;
};

/// Calls fn in forward, reverse and three random orders.
void in_every_order(const std::function<void()>& fn);

/// Fails the test unless fn throws a KernelError that holds all the texts, in every order.
void found(const std::function<void()>& fn, const std::vector<std::string>& texts);

}  // namespace kantor::testing
