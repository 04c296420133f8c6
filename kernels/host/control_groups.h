// The control groups that this process is in: what a container may take of a machine.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace kantor::host {

/// Folders of the groups that limit this process by `controller` ("cpu", "memory"), its own and all above it, of
/// version 1 and 2; a group that is not mounted here limits nothing. `root` stands in for "/" in tests.
std::vector<std::filesystem::path> control_groups(std::string_view controller, const std::filesystem::path& root = "/");

}  // namespace kantor::host
