// Which rewrites a captured Step applies to its recording before it is replayed: fewer, larger ops. The choice holds
// for the steps that are made after it, in the whole program.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kantor {

struct RewriteInfo {
  const char* name;
  const char* what;
  bool exact;  // results keep their bits; else sums are taken in another order, and results are equal to rounding
};
/// All rewrites, in the order in which they are applied.
const std::vector<RewriteInfo>& rewrite_table();

/// "all", which is the default, "exact", "none", or names joined by commas. Throws Error for a name that is not known.
void set_rewrites(const std::string& which);
/// The names that are on.
std::vector<std::string> active_rewrites();

/// While it lives, the rewrites are these; afterwards those that were on before.
class RewriteScope {
 public:
  explicit RewriteScope(const std::string& which);
  ~RewriteScope();
  RewriteScope(const RewriteScope&) = delete;
  RewriteScope& operator=(const RewriteScope&) = delete;

 private:
  uint64_t before_;  // a bit a rewrite
};

}  // namespace kantor
