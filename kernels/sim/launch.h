// launch and dynamic_shared of the simulator, and the record of one launch.
#pragma once

#include "kernels/kernel_name.h"
#include "kernels/launcher.h"
#include "kernels/sim/runtime.h"

#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace kantor::sim {

/// Blocks, threads of a block, bytes of dynamic shared memory, and the stream of one launch.
struct LaunchShape {
  dim3 grid, block;
  size_t shared_bytes = 0;
  Stream stream = nullptr;
  bool cooperative = false;  // all blocks are resident at once, and may wait for each other
  unsigned cluster = 1;      // neighbouring blocks along x that are resident at once (kernels/ptx_cluster.h), 1 to 8
};

/// A kernel with its arguments. `call` runs it for the current thread.
struct KernelLaunch {
  std::string_view kernel;
  LaunchShape shape;
  void (*call)(const void* arguments);
  const void* arguments;
  size_t argument_bytes;
};

/// Runs a launch, or records it while its stream is captured. Throws KernelError if a limit of the hardware is
/// exceeded, or if a thread does something that is not allowed.
void submit(const KernelLaunch& launch);

/// Throws KernelError if a kernel's parameter, counted from 1, points to memory that is not the device's.
void check_pointer(std::string_view kernel, int position, const void* pointer);

/// The arguments as the kernel's parameters: converted once, then copied for every thread, as a GPU does.
template <auto kernel, class... Parameters>
struct Arguments {
  using Tuple = std::tuple<std::remove_cv_t<Parameters>...>;
  static_assert((std::is_trivially_copyable_v<Parameters> && ...), "a kernel's parameters are copied byte by byte");
  static_assert(sizeof(Tuple) <= 4096 && alignof(Tuple) <= alignof(std::max_align_t), "parameters take 4 KB at most");

  template <class... Args>
  static void submit(const LaunchShape& shape, Args&&... args) {
    const Tuple values(static_cast<std::remove_cv_t<Parameters>>(std::forward<Args>(args))...);
    int position = 0;
    std::apply([&](const auto&... value) { (check(++position, value), ...); }, values);
    sim::submit({kernel_name<kernel>(), shape, &call, &values, sizeof values});
  }
  template <class T>
  static void check(int position, const T& value) {
    if constexpr (std::is_pointer_v<T>) check_pointer(kernel_name<kernel>(), position, value);
  }
  static void call(const void* arguments) {
    std::apply([](const auto&... values) { kernel(values...); }, *static_cast<const Tuple*>(arguments));
  }
};
template <auto kernel, class... Parameters>
Arguments<kernel, Parameters...> arguments_of(void (*)(Parameters...));

/// Starts a kernel. Arguments convert to the parameters' types. Throws KernelError, see submit.
template <auto kernel, class... Args>
void launch(const LaunchShape& shape, Args&&... args) {
  decltype(arguments_of<kernel>(kernel))::submit(shape, std::forward<Args>(args)...);
}

/// Blocks of this kernel that can be resident at once, in a cooperative launch: here any number, so what tests need.
template <auto kernel>
int resident_blocks(int /*threads*/, size_t /*shared_bytes*/, unsigned cluster = 1) {
  return static_cast<int>(32 / cluster * cluster);
}

/// The launch's dynamic shared memory, 16-byte aligned.
template <class T>
T* dynamic_shared() {
  return static_cast<T*>(dynamic_shared_bytes());
}

}  // namespace kantor::sim
