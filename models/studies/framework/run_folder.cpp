#include "models/studies/framework/run_folder.h"

#include "engine/build_info.h"
#include "models/files/atomic_file.h"

#include <fmt/format.h>
#include <system_error>
#include <vector>

namespace kantor {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t settings_limit = 1 << 20, result_limit = 1 << 28;

/// The JSON object in a file; nullopt where the file is missing or holds something else.
std::optional<json> read_object(const fs::path& path, size_t limit) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return std::nullopt;
  const std::vector<std::byte> bytes = read_file(path, limit);
  const auto* begin = reinterpret_cast<const char*>(bytes.data());
  json parsed = json::parse(begin, begin + bytes.size(), nullptr, false);
  if (!parsed.is_object()) return std::nullopt;
  return parsed;
}

/// "cuda" of "cuda:1".
std::string kind_of(const std::string& device) {
  return device.substr(0, device.find(':'));
}

std::string expected(const Study& study) {
  return fmt::format("expected what `kantor study {} --list` prints as a run's \"settings\"", study.name);
}

}  // namespace

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw FileError(fmt::format("cannot make {}: {}", folder.string(), error.message()));
}

std::optional<json> finished_result(const fs::path& folder, const json& settings, const std::string& device) {
  std::optional<json> result = read_object(folder / "result.json", result_limit);
  if (!result || result->value("settings", json()) != settings ||
      kind_of(result->value("device", "")) != kind_of(device) || result->value("version", "") != build_info().version ||
      !(result->contains("numbers") || result->contains("diverged"))) {
    return std::nullopt;
  }
  return result;
}

bool begin_run(const fs::path& folder, const json& settings, const std::string& device) {
  if (finished_result(folder, settings, device)) return false;
  std::error_code ignored;
  fs::remove(folder / "result.json", ignored);
  make_folder(folder);
  write_file_atomically(folder / "settings.json", settings.dump(2) + "\n");
  return true;
}

json run_settings(const Study& study, const fs::path& folder) {
  const fs::path file = folder / "settings.json";
  std::optional<json> settings = read_object(file, settings_limit);
  if (!settings) throw FileError(fmt::format("{}: {}", file.string(), expected(study)));
  return *settings;
}

void refuse_settings(const Study& study, const fs::path& folder, const std::string& error) {
  throw FileError(fmt::format("{}: {}; {}", (folder / "settings.json").string(), error, expected(study)));
}

void write_result(const fs::path& folder, const Study& study, const json& settings, Device device,
                  const RunEnding& ending) {
  json result{{"study", study.name},         {"settings", settings},
              {"device", to_string(device)}, {"version", build_info().version},
              {"seconds", ending.seconds},   {"cpu_seconds", ending.cpu_seconds}};
  if (ending.diverged.empty()) {
    result["numbers"] = ending.numbers;
  } else {
    result["diverged"] = ending.diverged;
  }
  write_file_atomically(folder / "result.json", result.dump() + "\n");
}

}  // namespace kantor
