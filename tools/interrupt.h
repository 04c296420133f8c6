// Interrupts: SIGINT and SIGTERM ask for an orderly stop; a second one ends the process at once. And how long things
// take, as people read it.
#pragma once

#include <string>

namespace kantor {

/// From now on the two signals are only noted.
void catch_interrupts();
/// The signal that came, or 0.
int interrupt();

/// "1:05", "2:01:05".
std::string duration(double seconds);

}  // namespace kantor
