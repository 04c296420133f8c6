// Catch2 of either generation: 2.13 (Debian 12) and 3 (Debian 13, Ubuntu 24.04), under the same names.
#pragma once

#include <string>

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif

namespace kantor {

/// Matches a text that contains `part`. In Catch2 3, Catch's own Contains matches elements.
inline auto Contains(const std::string& part) {
#if __has_include(<catch2/catch_all.hpp>)
  return Catch::Matchers::ContainsSubstring(part);
#else
  return Catch::Matchers::Contains(part);
#endif
}

}  // namespace kantor
