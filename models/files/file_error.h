// FileError: what is wrong with a file. Every refusal names the file, what was found, and what was expected.
#pragma once

#include "engine/error.h"

namespace kantor {

/// A file that is missing, damaged, or not what it should be (exit code 3).
struct FileError : Error {
  using Error::Error;
};

}  // namespace kantor
