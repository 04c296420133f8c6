// What a fuzz target defines: one parser, and how much memory its input may require.
#pragma once

#include "models/files/bytes.h"
#include "models/files/gzip.h"

#include <cstddef>
#include <string_view>

namespace kantor {

/// Parses, and checks what it can of the result. FileError and ConfigError are refusals; all else is a bug.
void parse(Bytes data);
/// Bytes of the values that the input declares.
size_t declared_size(Bytes data);
/// The most that the input can hold once it is unpacked.
inline size_t unpacked_size(Bytes data) {
  return is_gzip(data) ? deflate_limit * data.size() : data.size();
}

/// Ends the program, with the text, where `holds` is false.
void require(bool holds, std::string_view text);

}  // namespace kantor
