// Interrupts: SIGINT and SIGTERM ask for an orderly stop; a second one ends the process at once.
#pragma once

namespace kantor {

/// From now on the two signals are only noted.
void catch_interrupts();
/// The signal that came, or 0.
int interrupt();

}  // namespace kantor
