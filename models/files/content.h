// What a file is, by its first bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace kantor {

/// What a file is, and what to do about it, by its first bytes: "a git-lfs pointer instead of the file itself: run `git
/// lfs pull`", "a JPEG: ...", "a text file that begins with ...". "" where they are not known, and
/// for a text where one is expected.
std::string describe_content(std::span<const std::byte> data, bool expects_text = false);

}  // namespace kantor
