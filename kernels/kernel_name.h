// The name of a kernel, taken from the type system: both backends put it into their errors.
#pragma once

#include <string_view>

namespace kantor {

/// "sum_kernel", "gemm_tile<64, 32>": what was written between launch's angle brackets, without its namespaces.
template <auto kernel>
constexpr std::string_view kernel_name() {
  // g++: "... [with auto kernel = kantor::sim::{anonymous}::f<64>; std::string_view = ...]"
  // clang: "... [kernel = &kantor::sim::(anonymous namespace)::f]"
  std::string_view text = __PRETTY_FUNCTION__;
  text.remove_prefix(text.find("kernel = ") + 9);
  size_t depth = 0, begin = 0, end = 0;
  for (; end < text.size() && text[end] != ';' && text[end] != ']'; ++end) {
    if (text[end] == '<') ++depth;
    if (text[end] == '>') --depth;
    if (depth == 0 && text[end] == ':') begin = end + 1;
    if (depth == 0 && text[end] == '(' && text.substr(end, 2) == "(*") break;
  }
  return text.substr(begin, end - begin);
}

}  // namespace kantor
