// Whole files: read at once, and written so that the old content or the new is there, never a mixture.
#pragma once

#include "models/files/file_error.h"

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kantor {

/// The content of a file. Throws FileError if it cannot be read or is larger than `limit` bytes.
std::vector<std::byte> read_file(const std::filesystem::path& path, size_t limit = size_t{1} << 34);
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
