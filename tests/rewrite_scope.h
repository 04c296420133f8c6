// While it lives, steps are rewritten by these rewrites; then by all, as before.
#pragma once

#include "engine/rewrites.h"

#include <string>

namespace kantor::testing {

class RewriteScope {
 public:
  explicit RewriteScope(const std::string& which) { set_rewrites(which); }
  ~RewriteScope() { set_rewrites("all"); }
  RewriteScope(const RewriteScope&) = delete;
  RewriteScope& operator=(const RewriteScope&) = delete;
};

}  // namespace kantor::testing
