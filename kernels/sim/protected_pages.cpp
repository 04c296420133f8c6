#include "kernels/sim/protected_pages.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <execinfo.h>
#include <iterator>
#include <link.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kantor::sim {
namespace {

constexpr size_t most_reserved = size_t{64} << 30, least_reserved = size_t{64} << 20;
constexpr size_t alignment = 256, worth_returning = size_t{1} << 20;

// For the handler: the addresses, whether they are open, and the previous handler.
std::byte* watched = nullptr;
size_t watched_bytes = 0;
volatile std::sig_atomic_t watched_open = 0;
struct sigaction previous_handler;

size_t page() {
  static const auto bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

size_t up(size_t bytes, size_t unit) {
  return (std::max<size_t>(bytes, 1) + unit - 1) / unit * unit;
}

/// Prints the calls that led here, innermost first, by addr2line; or their addresses if it is not installed.
void print_calls(void* const* calls, int count) {
  static std::array<std::array<char, 24>, 40> texts;
  static std::array<char*, 48> words;
  std::array<char, 32> program{};  // not "self", which addr2line would be
  std::snprintf(program.data(), program.size(), "/proc/%d/exe", getpid());
  constexpr size_t first = 3;
  words[0] = const_cast<char*>("addr2line");
  words[1] = const_cast<char*>("-Cfpe");
  words[2] = program.data();
  size_t used = first;
  for (int i = 0; i < count && used - first < texts.size(); ++i) {
    Dl_info info{};
    void* map = nullptr;
    if (dladdr1(calls[i], &info, &map, RTLD_DL_LINKMAP) == 0 || *static_cast<const link_map*>(map)->l_name != '\0') {
      continue;  // an address in a library
    }
    auto& text = texts[used - first];
    const uintptr_t address = reinterpret_cast<uintptr_t>(calls[i]) - static_cast<const link_map*>(map)->l_addr;
    std::snprintf(text.data(), text.size(), "0x%zx",
                  static_cast<size_t>(address) - 1);  // the call, not what follows it
    words[used++] = text.data();
  }
  words[used] = nullptr;
  const pid_t child = fork();
  if (child == 0) {
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execvp(words[0], words.data());
    for (size_t i = first; i < used; ++i) dprintf(STDERR_FILENO, "%s (addr2line tells the function)\n", words[i]);
    _exit(0);
  }
  if (child > 0) waitpid(child, nullptr, 0);
}

/// Reports a fault in the pages, which then ends the program as any other fault does.
void report(int signal, siginfo_t* fault, void*) {
  sigaction(signal, &previous_handler, nullptr);  // when this handler returns, the fault happens again
  const auto* at = static_cast<const std::byte*>(fault->si_addr);
  if (watched == nullptr || at < watched || at >= watched + watched_bytes) return;
  dprintf(STDERR_FILENO, "kantor: simulator: %s at %p, on thread %d; called by:\n",
          watched_open != 0 ? "a kernel or copy reached outside of device memory"
                            : "host code touched the simulator's device memory (use copy_in, copy_out or to(device))",
          fault->si_addr, gettid());
  std::array<void*, 40> calls{};
  const int count = backtrace(calls.data(), static_cast<int>(calls.size()));
  print_calls(calls.data() + 1, count - 1);  // leaves out this function
}

/// Installs the handler again if another one, such as a test framework's, has replaced it.
void watch_faults() {
  struct sigaction now {};
  if (sigaction(SIGSEGV, nullptr, &now) != 0 || now.sa_sigaction == report) return;
  struct sigaction ours {};
  ours.sa_sigaction = report;
  ours.sa_flags = SA_SIGINFO;
  if (sigaction(SIGSEGV, &ours, nullptr) == 0) previous_handler = now;
}

}  // namespace

ProtectedPages::ProtectedPages() {
  void* memory = MAP_FAILED;
  for (size_t bytes = most_reserved; memory == MAP_FAILED && bytes >= least_reserved; bytes /= 2) {
    memory = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    reserved_ = bytes;
  }
  if (memory == MAP_FAILED) return;
  begin_ = watched = static_cast<std::byte*>(memory);
  watched_bytes = reserved_;
  std::array<void*, 1> call{};
  backtrace(call.data(), 1);  // backtrace loads its library now, not in the handler
}

void* ProtectedPages::allocate(size_t bytes) {
  const size_t size = up(bytes, alignment);
  const auto gap = std::find_if(free_.begin(), free_.end(), [&](const auto& g) { return g.second >= size; });
  if (gap != free_.end()) {
    const auto [offset, gap_size] = *gap;
    free_.erase(gap);
    if (gap_size > size) free_[offset + size] = gap_size - size;
    return begin_ + offset;
  }
  if (begin_ == nullptr || size > reserved_ - top_) return nullptr;
  const size_t offset = top_;
  if (is_open_ &&
      mprotect(begin_ + offset / page() * page(), up(offset % page() + size, page()), PROT_READ | PROT_WRITE) != 0) {
    return nullptr;
  }
  top_ += size;
  return begin_ + offset;
}

void ProtectedPages::release(void* data, size_t bytes) {
  const auto offset = static_cast<size_t>(static_cast<std::byte*>(data) - begin_);
  size_t size = up(bytes, alignment);
  if (size >= worth_returning) {
    std::byte* first = begin_ + up(offset, page());
    std::byte* last = begin_ + (offset + size) / page() * page();
    madvise(first, static_cast<size_t>(last - first), MADV_DONTNEED);
  }
  auto after = free_.lower_bound(offset);
  if (after != free_.end() && offset + size == after->first) {
    size += after->second;
    after = free_.erase(after);
  }
  if (after != free_.begin() && std::prev(after)->first + std::prev(after)->second == offset) {
    std::prev(after)->second += size;
  } else {
    free_[offset] = size;
  }
}

void ProtectedPages::open(bool on, const std::map<const void*, size_t>&) {
  if (on) watch_faults();
  is_open_ = on;
  watched_open = on ? 1 : 0;
  if (top_ == 0 || mprotect(begin_, up(top_, page()), on ? PROT_READ | PROT_WRITE : PROT_NONE) == 0) return;
  std::perror("kantor: simulator: opening and closing device memory");
  std::abort();
}

}  // namespace kantor::sim
