#include "models/files/folder_lock.h"

#include "models/files/file_error.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace kantor {

FolderLock::FolderLock(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "lock";
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0) throw FileError(fmt::format("cannot write into {}: {}", folder.string(), std::strerror(errno)));
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd_);
    throw FileError(fmt::format("{}: another process writes into this folder; choose another --out", folder.string()));
  }
}

FolderLock::~FolderLock() {
  ::close(fd_);
}

}  // namespace kantor
