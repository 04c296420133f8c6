// Whole files: read at once, and written so that the old content or the new is there, never a mixture.
#pragma once

#include "models/files/file_error.h"

#include <cstddef>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kantor {

/// All bytes of a file. Throws FileError, also above `limit`: 16 GiB, 4 where addresses have 32 bits.
std::vector<std::byte> read_file(const std::filesystem::path& path,
                                 size_t limit = std::numeric_limits<size_t>::max() >> (sizeof(size_t) == 8 ? 30 : 0));
/// Writes a temporary file beside it, fsync, rename, fsync of the folder: leaves the old content or the new.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> content);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);
/// The same for content that comes in pieces: the file gets its name in commit(); without it no file remains.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void append(std::span<const std::byte> content);
  void commit();

 private:
  std::filesystem::path path_;
  std::string temporary_;  // empty after the rename
  int fd_ = -1;
};

}  // namespace kantor
