#include "tools/interrupt.h"

#include <csignal>
#include <cstdint>
#include <fmt/format.h>
#include <unistd.h>

namespace kantor {
namespace {

volatile std::sig_atomic_t received = 0;

/// The first signal asks for a stop; the second ends the process as it would have without us.
extern "C" void on_signal(int number) {
  if (received != 0) ::_exit(128 + number);
  received = number;
}

}  // namespace

void catch_interrupts() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

int interrupt() {
  return received;
}

std::string duration(double seconds) {
  const auto s = static_cast<int64_t>(seconds + 0.5);
  return s < 3600 ? fmt::format("{}:{:02}", s / 60, s % 60)
                  : fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

}  // namespace kantor
