// Texts with names in braces, which the study's computation fills in.
#pragma once

#include <fmt/format.h>
#include <string>
#include <string_view>

namespace kantor {

using fmt::arg;

/// fill("{width} units", arg("width", 512)). Throws fmt::format_error for a name that is not given: the texts are not
/// checked when they are compiled, but a test fills all of them.
template <class... Args>
std::string fill(std::string_view text, const Args&... values) {
  return fmt::format(fmt::runtime(text), values...);
}

}  // namespace kantor
