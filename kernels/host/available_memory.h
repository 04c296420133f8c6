// Memory that this process may still take.
#pragma once

#include <cstdint>
#include <filesystem>

namespace kantor::host {

/// Bytes that the host can give this process now: its free memory, or what the control groups of a container leave
/// where that is less; INT64_MAX if the system does not say. `root` stands in for "/" in tests.
int64_t available_memory(const std::filesystem::path& root = "/");

}  // namespace kantor::host
