#include "tests/fault_injection.h"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <sys/types.h>

namespace {

std::atomic<int> failing_call{0};

/// Whether this call is the one that shall fail.
bool fails() {
  if (failing_call.load() <= 0) return false;
  if (--failing_call > 0) return false;
  errno = EIO;
  return true;
}

}  // namespace

// The linker's --wrap: calls of write arrive at __wrap_write, and __real_write is the system's.
extern "C" {
ssize_t __real_write(int fd, const void* data, size_t bytes);
int __real_fsync(int fd);
int __real_rename(const char* from, const char* to);

ssize_t __wrap_write(int fd, const void* data, size_t bytes) {
  return fails() ? -1 : __real_write(fd, data, bytes);
}
int __wrap_fsync(int fd) {
  return fails() ? -1 : __real_fsync(fd);
}
int __wrap_rename(const char* from, const char* to) {
  return fails() ? -1 : __real_rename(from, to);
}
}

namespace kantor::testing {

FaultInjection::FaultInjection(int call) {
  failing_call = call;
}
FaultInjection::~FaultInjection() {
  failing_call = 0;
}
bool FaultInjection::reached() const {
  return failing_call.load() <= 0;
}

}  // namespace kantor::testing
