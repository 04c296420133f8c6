// Refusals: what a parser says about wrong content.
#pragma once

#include "models/files/file_error.h"
#include "tests/catch.h"
#include "tests/formats.h"

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace kantor {

/// A parser that calls its input "the-file".
using Parse = std::function<void(std::span<const std::byte>)>;

/// Checks that `content` is refused with a FileError whose text names the file and holds `text`.
inline void refuses(const Parse& parse, const std::string& content, const std::string& text) {
  const std::vector<std::byte> bytes = bytes_of(content);
  INFO(text);
  CHECK_THROWS_AS(parse(bytes), FileError);
  CHECK_THROWS_WITH(parse(bytes), Contains("the-file") && Contains(text));
}

}  // namespace kantor
