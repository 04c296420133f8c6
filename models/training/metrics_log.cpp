#include "models/training/metrics_log.h"

#include "models/files/atomic_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <set>
#include <string>

namespace kantor {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

}  // namespace

std::vector<json> read_metrics(const fs::path& folder) {
  std::vector<json> lines;
  std::ifstream file(folder / "metrics.jsonl");
  for (std::string text; std::getline(file, text);) {
    if (json line = json::parse(text, nullptr, false); line.is_object()) lines.push_back(std::move(line));
  }
  return lines;
}

json last_metrics(const fs::path& folder) {
  constexpr std::streamoff tail = 1 << 18;
  std::ifstream file(folder / "metrics.jsonl", std::ios::binary | std::ios::ate);
  const std::streamoff size = file ? std::streamoff(file.tellg()) : 0, first = std::max<std::streamoff>(0, size - tail);
  file.seekg(first);
  std::string text;
  if (first > 0) std::getline(file, text);  // the end of a line
  json last = json::object();
  bool evaluated = false;
  while (std::getline(file, text)) {
    const json line = json::parse(text, nullptr, false);
    if (!line.is_object()) continue;
    evaluated |= line.contains("gradient_norm_mean");
    last.update(line);
  }
  if (evaluated || first == 0) return last;
  for (const json& line : read_metrics(folder)) last.update(line);
  return last;
}

MetricsLog::MetricsLog(const fs::path& folder, int64_t keep_to_step)
    : path_(folder / "metrics.jsonl"), csv_(folder / "metrics.csv") {
  std::string kept;
  if (keep_to_step > 0) {
    for (json& line : read_metrics(folder)) {
      if (line.value("step", INT64_MAX) > keep_to_step) break;
      kept += line.dump() + "\n";
      lines_.push_back(std::move(line));
    }
  }
  write_file_atomically(path_, kept);
  stream_.open(path_, std::ios::app);
}

void MetricsLog::append(const json& line) {
  lines_.push_back(line);
  stream_ << line.dump() << '\n' << std::flush;
  if (!stream_) throw FileError(fmt::format("cannot write {}: {}", path_.string(), std::strerror(errno)));
}

void MetricsLog::write_csv() const {
  std::vector<std::string> columns;
  std::set<std::string> seen;
  for (const json& line : lines_) {
    for (const auto& [key, value] : line.items()) {
      if (value.is_number() && seen.insert(key).second) columns.push_back(key);
    }
  }
  std::string text = fmt::format("{}\n", fmt::join(columns, ","));
  for (const json& line : lines_) {
    for (size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) text += ',';
      if (line.contains(columns[i])) text += line[columns[i]].dump();
    }
    text += '\n';
  }
  write_file_atomically(csv_, text);
}

}  // namespace kantor
