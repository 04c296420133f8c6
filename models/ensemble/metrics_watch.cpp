#include "models/ensemble/metrics_watch.h"

#include <algorithm>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace kantor {

using nlohmann::json;

MetricsWatch::MetricsWatch(const std::filesystem::path& folder, int64_t step)
    : path_(folder / "metrics.jsonl"), step_(step) {}

std::vector<json> MetricsWatch::poll() {
  std::vector<json> lines;
  const int file = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return lines;  // not there yet
  struct stat info {};
  if (::fstat(file, &info) == 0) {
    const auto size = static_cast<uintmax_t>(info.st_size);
    if (info.st_ino != file_ || size < read_) {
      file_ = info.st_ino;
      read_ = 0;
      partial_.clear();
    }
    std::string text(size - read_, '\0');
    const ssize_t got = ::pread(file, text.data(), text.size(), static_cast<off_t>(read_));
    text.resize(got > 0 ? static_cast<size_t>(got) : 0);
    read_ += text.size();
    partial_ += text;
  }
  ::close(file);
  size_t at = 0;
  for (size_t end = partial_.find('\n'); end != std::string::npos; at = end + 1, end = partial_.find('\n', at)) {
    json line = json::parse(partial_.begin() + static_cast<std::ptrdiff_t>(at),
                            partial_.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
    if (!line.is_object()) continue;
    const int64_t step = line.value("step", int64_t{-1});
    if (step <= step_ && !line.contains("diverged")) continue;
    step_ = std::max(step_, step);
    lines.push_back(std::move(line));
  }
  partial_.erase(0, at);
  return lines;
}

}  // namespace kantor
