#include "tools/interrupt.h"

#include <csignal>
#include <unistd.h>

namespace kantor {
namespace {

volatile std::sig_atomic_t received = 0;

/// The first signal requests a stop; the second ends the process, as it would without this handler.
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

}  // namespace kantor
