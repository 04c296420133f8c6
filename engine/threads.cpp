#include "engine/threads.h"

#include "engine/error.h"
#include "kernels/host/threads.h"

#include <fmt/format.h>

namespace kantor {

void set_threads(int count) {
  if (count < 1) throw Error(fmt::format("{} threads asked for; at least 1 is needed", count));
  host::set_threads(count);
}

int threads() {
  return host::threads();
}

}  // namespace kantor
