// FolderLock: one process writes into a folder at a time; two would mix their files.
#pragma once

#include <filesystem>

namespace kantor {

class FolderLock {
 public:
  /// Holds FOLDER/lock (flock) while it lives. Throws FileError where another process holds it, or where the folder
  /// cannot be written to.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int fd_;
};

}  // namespace kantor
