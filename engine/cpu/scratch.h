// Memory that a thread keeps from call to call, one buffer for each use, so that replays allocate nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <new>

namespace kantor::cpu {

/// At least `size` elements at a cache line, undefined until written. `Use` is any type: one for each use.
template <class T, class Use>
T* scratch(int64_t size) {
  constexpr std::align_val_t line{64};
  struct Free {
    void operator()(T* memory) const { ::operator delete(memory, line); }
  };
  thread_local std::unique_ptr<T, Free> memory;
  thread_local int64_t held = 0;
  if (held < size) {
    memory.reset();
    held = 0;
    memory.reset(static_cast<T*>(::operator new(static_cast<size_t>(size) * sizeof(T), line)));
    held = size;
  }
  return memory.get();
}

}  // namespace kantor::cpu
