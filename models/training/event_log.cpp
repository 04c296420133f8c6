#include "models/training/event_log.h"

#include "models/files/atomic_file.h"
#include "models/files/tensorboard.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <vector>

namespace kantor {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view prefix = "events.out.tfevents.";  // by which TensorBoard finds its files
constexpr std::string_view suffix = ".kantor";

/// Kantor's event files in a folder, oldest first.
std::vector<fs::path> event_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(prefix) && name.ends_with(suffix)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// A name of its own, by the time: TensorBoard reads the files in the order of their names.
fs::path new_file(const fs::path& folder, int64_t seconds) {
  const auto name = [&] { return folder / fmt::format("{}{:010d}{}", prefix, seconds, suffix); };
  while (fs::exists(name())) ++seconds;
  return name();
}

}  // namespace

EventLog::EventLog(const fs::path& folder, int64_t keep_to_step) : folder_(folder) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  for (const fs::path& file : event_files(folder)) {
    const EventPrefix kept = events_up_to(read_file(file), keep_to_step);
    std::error_code error;
    fs::resize_file(file, kept.bytes, error);
    if (error) throw FileError(fmt::format("cannot cut {}: {}", file.string(), error.message()));
    if (start_ == 0) start_ = kept.wall_time;
  }
  if (start_ == 0) start_ = std::chrono::duration<double>(now).count();
  path_ = new_file(folder, std::chrono::duration_cast<std::chrono::seconds>(now).count());
  write_file_atomically(path_, event_file_start(start_, keep_to_step + 1));
  stream_.open(path_, std::ios::app | std::ios::binary);
}

void EventLog::append(const json& line) {
  Event event{start_ + line.value("seconds", 0.0), line.at("step").get<int64_t>(), {}, {}};
  for (const auto& [key, value] : line.items()) {
    if (value.is_number() && key != "step") event.scalars.emplace_back(key, value.get<float>());
  }
  if (line.contains("sample")) {
    event.images.emplace_back("sample", read_file(folder_ / line["sample"].get<std::string>()));
  }
  stream_ << encode_event(event) << std::flush;
  if (!stream_) throw FileError(fmt::format("cannot write {}: {}", path_.string(), std::strerror(errno)));
}

}  // namespace kantor
