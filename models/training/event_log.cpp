#include "models/training/event_log.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fmt/format.h>

namespace kantor {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view file_prefix = "events.out.tfevents.";  // by which TensorBoard finds its files

std::vector<fs::path> event_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().filename().string().starts_with(file_prefix)) files.push_back(entry.path());
  }
  return files;
}

/// A name of its own, by the time, so that it sorts after older ones: a running TensorBoard goes on to the next name.
fs::path new_name(const fs::path& folder, int64_t seconds) {
  const auto name = [&] { return folder / fmt::format("{}{:010d}.kantor", file_prefix, seconds); };
  while (fs::exists(name())) ++seconds;
  return name();
}

/// A picture's bytes; none where it has been removed or replaced since.
std::vector<std::byte> picture(const fs::path& path) {
  try {
    std::vector<std::byte> png = read_file(path);
    if (is_png(png)) return png;
  } catch (const FileError&) {
  }
  return {};
}

}  // namespace

EventLog::EventLog(const fs::path& folder, const std::vector<json>& lines) : folder_(folder) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  start_ = std::chrono::duration<double>(now).count() - (lines.empty() ? 0 : lines.back().value("seconds", 0.0));
  const std::vector<fs::path> older = event_files(folder);
  path_ = new_name(folder, std::chrono::duration_cast<std::chrono::seconds>(now).count());
  std::string content = event_file_start(start_);
  for (const json& line : lines) content += encode(line);
  write_file_atomically(path_, content);
  for (const fs::path& file : older) {
    std::error_code ignored;
    fs::remove(file, ignored);
  }
  stream_.open(path_, std::ios::app | std::ios::binary);
}

void EventLog::append(const json& line) {
  stream_ << encode(line) << std::flush;
  if (!stream_) throw FileError(fmt::format("cannot write {}: {}", path_.string(), std::strerror(errno)));
}

std::string EventLog::encode(const json& line) const {
  Event event{start_ + line.value("seconds", 0.0), line.at("step").get<int64_t>(), {}, {}};
  for (const auto& [key, value] : line.items()) {
    if (value.is_number() && key != "step") event.scalars.emplace_back(key, value.get<float>());
  }
  if (const auto sample = line.find("sample"); sample != line.end() && sample->is_string()) {
    std::vector<std::byte> png = picture(folder_ / sample->get<std::string>());
    if (!png.empty()) event.images.emplace_back("sample", std::move(png));
  }
  return encode_event(event);
}

}  // namespace kantor
