#include "kernels/host/processors.h"

#include "kernels/host/control_groups.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sched.h>
#include <string>
#include <thread>

namespace kantor::host {
namespace {

namespace fs = std::filesystem;

/// The text of a small file, "" where there is none.
std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// ceil(quota / period), at least 1; 0 where `quota` is no limit ("max", "-1") or a number is missing.
int processors_of(const std::string& quota, const std::string& period) {
  const double allowed = std::strtod(quota.c_str(), nullptr), every = std::strtod(period.c_str(), nullptr);
  if (!(allowed > 0) || !(every > 0)) return 0;
  return static_cast<int>(std::clamp(std::ceil(allowed / every), 1.0, 65536.0));
}

/// The CPU quota of one group's folder, in either version.
int quota_of_group(const fs::path& folder) {
  const std::string both = text_of(folder / "cpu.max");
  if (const size_t space = both.find(' '); space != std::string::npos) {
    return processors_of(both.substr(0, space), both.substr(space + 1));
  }
  return processors_of(text_of(folder / "cpu.cfs_quota_us"), text_of(folder / "cpu.cfs_period_us"));
}

int smaller(int a, int b) {
  return a == 0 ? b : b == 0 ? a : std::min(a, b);
}

}  // namespace

int cpu_quota(const fs::path& root) {
  int quota = 0;
  for (const fs::path& group : control_groups("cpu", root)) quota = smaller(quota, quota_of_group(group));
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
