#include "tools/device_choice.h"

#include "engine/libraries.h"
#include "engine/threads.h"

#include <cstdio>
#include <fmt/format.h>

namespace kantor {

Device choose_device(const std::string& name, bool quiet) {
  const Device found = find_device(name);
  if (name != "auto" || quiet) return found;
  fmt::print(stderr, "device auto: {}\n",
             found.kind == Device::Kind::cpu
                 ? fmt::format("cpu with {} threads ({})", threads(), why_unusable({Device::Kind::cuda, 0}))
                 : fmt::format("{} ({})", to_string(found), hardware(found)));
  return found;
}

}  // namespace kantor
