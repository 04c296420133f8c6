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

/// Addresses of one call of addr2line: its command line has a limit.
constexpr size_t most_addresses = 1000;

/// What addr2line prints for addresses of this program's file: for each, a line per function, the innermost inlined one
/// first, without the simulator's own and the standard library's.
void add_lines(const std::vector<unsigned long>& addresses, std::vector<std::vector<std::string>>& all) {
  char text[512];
  std::snprintf(text, sizeof text, "addr2line -a -i -e /proc/%d/exe", getpid());
  std::string command = text;
  for (const unsigned long address : addresses) {
    std::snprintf(text, sizeof text, " 0x%lx", address);
    command += text;
  }
  const size_t end = all.size() + addresses.size();
  if (std::FILE* answer = popen((command + " 2>/dev/null").c_str(), "r"); answer != nullptr) {
    while (std::fgets(text, sizeof text, answer) != nullptr) {
      std::string line(text);
      line.resize(std::min(line.size(), line.find_first_of(" \n")));  // " (discriminator 2)" follows at times
      if (line.rfind("0x", 0) == 0) {
        all.emplace_back();
      } else if (!all.empty() && line.find("kernels/sim/") == std::string::npos &&
                 line.find("/include/c++/") == std::string::npos) {
        all.back().push_back(line.substr(line.rfind('/') + 1));
      }
    }
    pclose(answer);
  }
  all.resize(end);
}

/// The address in this program's file of the call that returns to `pc`, or 0.
unsigned long file_address(const void* pc) {
  Dl_info info{};
  void* map = nullptr;
  if (dladdr1(pc, &info, &map, RTLD_DL_LINKMAP) == 0) return 0;
  // One less: the call itself, not what comes after it.
  return reinterpret_cast<uintptr_t>(pc) - 1 - static_cast<const link_map*>(map)->l_addr;
}

}  // namespace

std::vector<std::vector<std::string>> source_lines(const std::vector<const void*>& pcs) {
  std::vector<std::vector<std::string>> all;
  for (size_t begin = 0; begin < pcs.size(); begin += most_addresses) {
    std::vector<unsigned long> addresses;
    for (size_t i = begin; i < std::min(pcs.size(), begin + most_addresses); ++i) {
      addresses.push_back(file_address(pcs[i]));
    }
    add_lines(addresses, all);
  }
  return all;
}

std::string source_line(const void* pc) {
  const unsigned long address = file_address(pc);
  if (address == 0) return "an unknown place";
  const std::vector<std::string> lines = source_lines({pc})[0];
  if (lines.empty() || lines[0].find('?') != std::string::npos) {
    char text[64];
    std::snprintf(text, sizeof text, "0x%lx (addr2line tells the line)", address);
    return text;
  }
  return lines.size() == 1 ? lines[0] : lines[0] + " (in " + lines.back() + ")";
}

}  // namespace kantor::sim::races
