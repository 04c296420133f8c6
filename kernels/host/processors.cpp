#include "kernels/host/processors.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <sched.h>
#include <string>
#include <string_view>
#include <thread>

namespace kantor::host {
namespace {

namespace fs = std::filesystem;

/// The words of a small file, "" where there is none.
std::string words_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// ceil(quota / period), at least 1; 0 where `quota` is no limit ("max", "-1") or a number is missing.
int processors_of(const std::string& quota, const std::string& period) {
  const double allowed = std::strtod(quota.c_str(), nullptr), every = std::strtod(period.c_str(), nullptr);
  if (!(allowed > 0) || !(every > 0)) return 0;
  return static_cast<int>(std::clamp(std::ceil(allowed / every), 1.0, 65536.0));
}

/// Of one group's folder, in either version.
int quota_of_group(const fs::path& folder) {
  const std::string both = words_of(folder / "cpu.max");
  if (const size_t space = both.find(' '); space != std::string::npos) {
    return processors_of(both.substr(0, space), both.substr(space + 1));
  }
  return processors_of(words_of(folder / "cpu.cfs_quota_us"), words_of(folder / "cpu.cfs_period_us"));
}

int smaller(int a, int b) {
  return a == 0 ? b : b == 0 ? a : std::min(a, b);
}

bool lists_cpu(std::string_view controllers) {
  while (!controllers.empty()) {
    const size_t comma = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, comma) == "cpu") return true;
    controllers.remove_prefix(std::min(comma + 1, controllers.size()));
  }
  return false;
}

/// The smallest of the group's own and of all above it, which limit it too. What is not mounted here limits nothing.
int quota_along(const fs::path& mount, fs::path group) {
  int quota = quota_of_group(mount);
  for (group = group.relative_path(); !group.empty(); group = group.parent_path()) {
    quota = smaller(quota, quota_of_group(mount / group));
  }
  return quota;
}

}  // namespace

int cpu_quota(const fs::path& root) {
  const fs::path mounts = root / "sys/fs/cgroup";
  int quota = 0;
  std::ifstream groups(root / "proc/self/cgroup");  // a line a hierarchy: "number:controllers:path"
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':'), second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    if (controllers.empty()) {
      quota = smaller(quota, quota_along(mounts, path));
    } else if (lists_cpu(controllers)) {
      quota = smaller(quota, smaller(quota_along(mounts / controllers, path), quota_along(mounts / "cpu", path)));
    }
  }
  return quota;
}

int available_processors() {
  int count = static_cast<int>(std::thread::hardware_concurrency());
  constexpr int most = 1 << 16;
  if (cpu_set_t* const mask = CPU_ALLOC(most)) {
    const size_t bytes = CPU_ALLOC_SIZE(most);
    CPU_ZERO_S(bytes, mask);
    if (sched_getaffinity(0, bytes, mask) == 0) count = CPU_COUNT_S(bytes, mask);
    CPU_FREE(mask);
  }
  return std::max(1, smaller(std::max(0, count), cpu_quota()));
}

}  // namespace kantor::host
