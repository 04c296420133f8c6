// Whole files: bounded reads of regular files, and writes that leave the old content or the new, never a mixture.
#include "models/files/atomic_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace kantor {
namespace {

namespace fs = std::filesystem;

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

[[noreturn]] void fail(const std::string& action, const fs::path& path) {
  throw FileError(fmt::format("{} {}: {}", action, path.string(), std::strerror(errno)));
}

void write_all(int fd, std::span<const std::byte> content, const fs::path& path) {
  size_t done = 0;
  while (done < content.size()) {
    const ssize_t n = ::write(fd, content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("cannot write", path);
    done += static_cast<size_t>(n);
  }
}

}  // namespace

std::vector<std::byte> read_file(const fs::path& path, size_t limit) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));  // a FIFO must not block here
  if (file.get() < 0) fail("cannot open", path);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) fail("cannot look at", path);
  if (!S_ISREG(info.st_mode))
    throw FileError(fmt::format("{}: expected a regular file, found another kind", path.string()));
  const auto size = static_cast<size_t>(info.st_size);
  if (size > limit) throw FileError(fmt::format("{}: {} bytes, at most {} are read", path.string(), size, limit));
  std::vector<std::byte> content(size);
  size_t done = 0;
  while (done < size) {
    const ssize_t n = ::read(file.get(), content.data() + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("cannot read", path);
    if (n == 0) throw FileError(fmt::format("{}: ended after {} of {} bytes", path.string(), done, size));
    done += static_cast<size_t>(n);
  }
  return content;
}

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)), temporary_(path_.string() + ".XXXXXX") {
  fd_ = ::mkostemp(temporary_.data(), O_CLOEXEC);
  if (fd_ < 0) fail("cannot write a temporary file beside", path_);
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::append(std::span<const std::byte> content) {
  write_all(fd_, content, path_);
}

void AtomicFile::commit() {
  if (::fchmod(fd_, 0644) != 0) fail("cannot set the mode of", path_);
  if (::fsync(fd_) != 0) fail("cannot flush", path_);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot put in place", path_);
  temporary_.clear();
  const fs::path folder = path_.has_parent_path() ? path_.parent_path() : fs::path(".");
  const Descriptor parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.get() < 0 || ::fsync(parent.get()) != 0) fail("cannot flush the folder of", path_);
}

void write_file_atomically(const fs::path& path, std::span<const std::byte> content) {
  AtomicFile file(path);
  file.append(content);
  file.commit();
}

void write_file_atomically(const fs::path& path, std::string_view text) {
  write_file_atomically(path, std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace kantor
