// FolderLock: one process writes into a folder at a time; two would mix their files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace kantor {

class FolderLock {
 public:
  enum class Mode : uint8_t {
    alone,    // refused where another holds it
    shared,   // besides others that share it; refused where one holds it alone
    waiting,  // alone, after waiting for the others, two minutes at most
  };
  /// Holds FOLDER/FILE (flock) while it lives. Throws FileError where another process holds it, or where the folder
  /// cannot be written to or cannot be locked.
  explicit FolderLock(const std::filesystem::path& folder, Mode mode = Mode::alone, const std::string& file = "lock");
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int fd_;
};

/// Whether a process holds FOLDER/lock. Writes nothing.
bool is_locked(const std::filesystem::path& folder);

}  // namespace kantor
