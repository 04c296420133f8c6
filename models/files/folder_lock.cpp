#include "models/files/folder_lock.h"

#include "models/files/file_error.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <thread>
#include <unistd.h>

namespace kantor {

FolderLock::FolderLock(const std::filesystem::path& folder, Mode mode, const std::string& file) {
  const std::filesystem::path path = folder / file;
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0) throw FileError(fmt::format("cannot write into {}: {}", folder.string(), std::strerror(errno)));
  // A moment even where it does not wait: is_locked of another process holds the lock while it looks.
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(mode == Mode::waiting ? 120'000 : 100);
  while (::flock(fd_, (mode == Mode::shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
    const int reason = errno;
    const bool held = reason == EWOULDBLOCK;
    if (held && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      continue;
    }
    ::close(fd_);
    if (!held) throw FileError(fmt::format("cannot lock {}: {}", path.string(), std::strerror(reason)));
    throw FileError(fmt::format("{}: another process writes into this folder; choose another --out", folder.string()));
  }
}

FolderLock::~FolderLock() {
  ::close(fd_);
}

bool is_locked(const std::filesystem::path& folder) {
  const int fd = ::open((folder / "lock").c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  const bool held = ::flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(fd);
  return held;
}

}  // namespace kantor
