#include "kernels/host/control_groups.h"

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <string>

namespace kantor::host {
namespace {

namespace fs = std::filesystem;

/// Whether a comma-separated list contains the word.
bool lists(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const size_t comma = std::min(words.find(','), words.size());
    if (words.substr(0, comma) == word) return true;
    words.remove_prefix(std::min(comma + 1, words.size()));
  }
  return false;
}

/// The group under a mount and all above it, up to the mount itself.
void append(std::vector<fs::path>& groups, const fs::path& mount, fs::path group) {
  for (group = group.relative_path(); !group.empty(); group = group.parent_path()) groups.push_back(mount / group);
  groups.push_back(mount);
}

}  // namespace

std::vector<fs::path> control_groups(std::string_view controller, const fs::path& root) {
  const fs::path mounts = root / "sys/fs/cgroup";
  std::vector<fs::path> groups;
  std::ifstream file(root / "proc/self/cgroup");  // one line per hierarchy: "number:controllers:path"
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':'), second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    if (controllers.empty()) {  // version 2
      append(groups, mounts, path);
    } else if (lists(controllers, controller)) {
      append(groups, mounts / controllers, path);
      if (controllers != controller) append(groups, mounts / controller, path);
    }
  }
  return groups;
}

}  // namespace kantor::host
