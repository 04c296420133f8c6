// Fibers: stacks that threads of a block run on, and the jump between them (Boost.Context, 5 ns). AddressSanitizer is
// told of every jump.
#pragma once

#include <boost/context/detail/fcontext.hpp>
#include <cstddef>
#include <memory>
#include <vector>

namespace kantor::sim {

class Fiber {
 public:
  using Entry = void (*)(boost::context::detail::transfer_t);

  /// The host's own stack.
  Fiber() = default;
  /// A stack with a guard page below it, which starts in `entry`. Throws KernelError if there is no memory.
  explicit Fiber(Entry entry);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Suspends `from` and continues in this fiber. Returns when another fiber jumps back to `from`.
  void jump_from(Fiber& from);
  /// Restarts an abandoned fiber at its entry.
  void restart();
  /// Must be called first in an entry: records which fiber jumped here.
  static void arrived(boost::context::detail::transfer_t transfer);

 private:
  void land();
  boost::context::detail::fcontext_t context_ = nullptr;
  Entry entry_ = nullptr;
  std::byte* stack_ = nullptr;  // lowest usable byte
  size_t size_ = 0;
  void* fake_stack_ = nullptr;
};

}  // namespace kantor::sim
