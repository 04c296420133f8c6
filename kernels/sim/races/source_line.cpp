#include "kernels/sim/races/source_line.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <dlfcn.h>
#include <link.h>
#include <unistd.h>
#include <vector>

namespace kantor::sim::races {
namespace {

/// What addr2line prints for an address of this program's file: a line per function, the innermost inlined one first,
/// without the simulator's own and the standard library's.
std::vector<std::string> lines_at(unsigned long address) {
  char command[96];
  std::snprintf(command, sizeof command, "addr2line -i -e /proc/%d/exe 0x%lx 2>/dev/null", getpid(), address);
  std::vector<std::string> lines;
  std::FILE* answer = popen(command, "r");
  if (answer == nullptr) return lines;
  char text[512];
  while (std::fgets(text, sizeof text, answer) != nullptr) {
    std::string line(text);
    line.resize(std::min(line.size(), line.find_first_of(" \n")));  // " (discriminator 2)" follows at times
    if (line.find("kernels/sim/") == std::string::npos && line.find("/include/c++/") == std::string::npos) {
      lines.push_back(line.substr(line.rfind('/') + 1));
    }
  }
  pclose(answer);
  return lines;
}

}  // namespace

std::string source_line(const void* pc) {
  Dl_info info{};
  void* map = nullptr;
  if (dladdr1(pc, &info, &map, RTLD_DL_LINKMAP) == 0) return "an unknown place";
  // One less: the call itself, not what comes after it.
  const unsigned long address = reinterpret_cast<uintptr_t>(pc) - 1 - static_cast<const link_map*>(map)->l_addr;
  const std::vector<std::string> lines = lines_at(address);
  if (lines.empty() || lines[0].find('?') != std::string::npos) {
    char text[64];
    std::snprintf(text, sizeof text, "0x%lx (addr2line tells the line)", address);
    return text;
  }
  return lines.size() == 1 ? lines[0] : lines[0] + " (in " + lines.back() + ")";
}

}  // namespace kantor::sim::races
