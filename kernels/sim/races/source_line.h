// Where in the sources an instruction of this program comes from.
#pragma once

#include <string>
#include <vector>

namespace kantor::sim::races {

/// "bugs.cu:24", or "block.h:24 (in norm.cu:70)" for an inlined function, of the call that returns to `pc`. The
/// simulator's own lines are left out. Calls addr2line; without it, or without debug information, returns the address.
std::string source_line(const void* pc);
/// The same for many at once: of each the lines, the innermost function's first; none where they are not known.
std::vector<std::vector<std::string>> source_lines(const std::vector<const void*>& pcs);

}  // namespace kantor::sim::races
