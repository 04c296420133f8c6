// Processors that this process may use.
#pragma once

#include <filesystem>

namespace kantor::host {

/// Processors of the CPU quota that a container gives its processes (cgroup v2's cpu.max, v1's cpu.cfs_quota_us, here
/// and in every group above), rounded up, at least 1; 0 where there is none. `root` stands in for "/" in tests.
int cpu_quota(const std::filesystem::path& root = "/");

/// Processors in this process's affinity mask, or its CPU quota if that is less; at least 1.
int available_processors();

}  // namespace kantor::host
