#include "kernels/sim/fiber.h"

#include "kernels/launcher.h"

#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define KANTOR_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace kantor::sim {
namespace {

using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

constexpr size_t page = 4096;
#ifdef KANTOR_ASAN
constexpr size_t stack_bytes = size_t{256} << 10;  // redzones need space
#else
constexpr size_t stack_bytes = size_t{64} << 10;
#endif

/// The origin and the target of the last jump, for the fiber that it arrives at.
struct Jump {
  Fiber* from = nullptr;
  Fiber* to = nullptr;
};
thread_local Jump last;

}  // namespace

Fiber::Fiber(Entry entry) : entry_(entry), size_(stack_bytes) {
  void* memory =
      mmap(nullptr, size_ + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, page, PROT_NONE) != 0) {
    throw KernelError("simulator: no memory for the stack of a thread; fewer threads a block need fewer stacks");
  }
  stack_ = static_cast<std::byte*>(memory) + page;
  restart();
}

Fiber::~Fiber() {
  if (entry_ != nullptr) munmap(stack_ - page, size_ + page);
}

void Fiber::restart() {
#ifdef KANTOR_ASAN
  __asan_unpoison_memory_region(stack_, size_);  // frames that were abandoned
#endif
  context_ = make_fcontext(stack_ + size_, size_, entry_);
  fake_stack_ = nullptr;
}

void Fiber::jump_from(Fiber& from) {
  last = {&from, this};
#ifdef KANTOR_ASAN
  __sanitizer_start_switch_fiber(&from.fake_stack_, stack_, size_);
#endif
  arrived(jump_fcontext(context_, nullptr));
}

void Fiber::arrived(transfer_t transfer) {
  Fiber& from = *last.from;
  from.context_ = transfer.fctx;
  last.to->land();
}

void Fiber::land() {
#ifdef KANTOR_ASAN
  const void* bottom = nullptr;
  size_t size = 0;
  __sanitizer_finish_switch_fiber(fake_stack_, &bottom, &size);
  if (last.from->stack_ == nullptr) {  // the host's stack: known from the first jump away from it
    last.from->stack_ = static_cast<std::byte*>(const_cast<void*>(bottom));
    last.from->size_ = size;
  }
#endif
}

}  // namespace kantor::sim
