// How long things take, as people read it.
#pragma once

#include <string>

namespace kantor {

/// "1:05", "2:01:05".
std::string duration(double seconds);

}  // namespace kantor
