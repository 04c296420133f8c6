#include "kernels/host/available_memory.h"

#include "kernels/host/control_groups.h"

#include <algorithm>
#include <fstream>
#include <string>

namespace kantor::host {
namespace {

namespace fs = std::filesystem;

/// The number in a file; INT64_MAX if it has none ("max").
int64_t number_in(const fs::path& path) {
  std::ifstream file(path);
  int64_t value = 0;
  return file >> value ? value : INT64_MAX;
}

/// MemAvailable of /proc/meminfo, which counts in KiB.
int64_t free_memory(const fs::path& root) {
  std::ifstream file(root / "proc/meminfo");
  for (std::string word; file >> word;) {
    int64_t kibibytes = 0;
    if (word == "MemAvailable:" && file >> kibibytes) return kibibytes * 1024;
  }
  return INT64_MAX;
}

/// The bytes that a group leaves, read from the files of one of the two versions.
int64_t left_in(const fs::path& group, const char* limit_file, const char* usage_file) {
  const int64_t limit = number_in(group / limit_file), used = number_in(group / usage_file);
  return limit == INT64_MAX || used == INT64_MAX ? INT64_MAX : std::max<int64_t>(0, limit - used);
}

}  // namespace

int64_t available_memory(const fs::path& root) {
  int64_t available = free_memory(root);
  for (const fs::path& group : control_groups("memory", root)) {
    available = std::min({available, left_in(group, "memory.max", "memory.current"),
                          left_in(group, "memory.limit_in_bytes", "memory.usage_in_bytes")});
  }
  return available;
}

}  // namespace kantor::host
