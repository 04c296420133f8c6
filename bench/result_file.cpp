#include "bench/result_file.h"

#include "models/files/atomic_file.h"

#include <cmath>
#include <fmt/format.h>
#include <map>
#include <utility>

namespace kantor {
namespace {

using nlohmann::json;

constexpr const char* anew = "make it anew with: kantor bench SUITE --json FILE";

/// A value as a message shows it.
std::string shown(const json& value) {
  std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  return text.size() <= 60 ? text : text.substr(0, 60) + "...";
}

/// A file that is checked: every complaint has its name.
class Checked {
 public:
  explicit Checked(const std::filesystem::path& path) : name_(path.string()) {
    const std::vector<std::byte> bytes = read_file(path, size_t{1} << 28);
    const auto* text = reinterpret_cast<const char*>(bytes.data());
    try {
      all_ = json::parse(text, text + bytes.size());
    } catch (const json::exception& error) {
      throw FileError(fmt::format("{}: no JSON, or only a part of it: {}; {}", name_, error.what(), anew));
    }
  }

  [[nodiscard]] json take() && { return std::move(all_); }
  [[nodiscard]] const json& all() const { return all_; }

  [[noreturn]] void refuse(const std::string& place, const std::string& found, const std::string& expected) const {
    throw FileError(fmt::format("{}: {} is {}; expected {}; {}", name_, place, found, expected, anew));
  }

  const json& member(const json& object, const std::string& place, const char* key, const char* expected) const {
    const auto found = object.find(key);
    if (found == object.end()) refuse(place + key, "missing", expected);
    return *found;
  }
  void text(const json& object, const std::string& place, const char* key) const {
    const json& value = member(object, place, key, "a text");
    if (!value.is_string()) refuse(place + key, shown(value), "a text");
  }
  void number(const json& object, const std::string& place, const char* key, const char* expected,
              bool positive = false) const {
    const json& value = member(object, place, key, expected);
    const bool right = value.is_number() && std::isfinite(value.get<double>()) &&
                       (positive ? value.get<double>() > 0 : value.get<double>() >= 0);
    if (!right) refuse(place + key, shown(value), expected);
  }
  const json& object(const json& parent, const std::string& place, const char* key) const {
    const json& value = member(parent, place, key, "an object");
    if (!value.is_object()) refuse(place + key, shown(value), "an object");
    return value;
  }

  void timing(const json& value, const std::string& place) const {
    for (const char* key : {"seconds", "p10", "p90", "best"}) number(value, place, key, "a time above 0", true);
    const json& samples = member(value, place, "samples", "a list of seconds");
    if (!samples.is_array() || samples.empty()) refuse(place + "samples", shown(samples), "a list of seconds");
    for (size_t i = 0; i < samples.size(); ++i) {
      const bool right = samples[i].is_number() && std::isfinite(samples[i].get<double>()) && samples[i] > 0;
      if (!right) refuse(fmt::format("{}samples[{}]", place, i), shown(samples[i]), "a time above 0");
    }
  }

  void row(const json& row, const std::string& place, bool simulated) const {
    if (!row.is_object()) refuse(place, shown(row), "an object");
    for (const char* key : {"name", "size", "dtype"}) text(row, place + ".", key);
    for (const char* key : {"bytes", "flops", "launches"}) number(row, place + ".", key, "a count");
    if (simulated) return;  // its time is not a device's, and may be left out
    timing(row, place + ".");
    const json& cold = member(row, place + ".", "cold", "times or null");
    if (cold.is_object()) timing(cold, place + ".cold.");
    if (!cold.is_object() && !cold.is_null()) refuse(place + ".cold", shown(cold), "times or null");
  }

 private:
  std::string name_;
  json all_;
};

/// Schema and version first: of another file no key is worth a word.
void check_schema(const Checked& file) {
  const json& all = file.all();
  if (!all.is_object()) file.refuse("it", shown(all), "an object");
  const json schema = all.value("schema", json()), version = all.value("version", json());
  if (schema != result_schema) file.refuse("schema", shown(schema), fmt::format("\"{}\"", result_schema));
  if (version != result_version) {
    file.refuse("version", shown(version), fmt::format("{}, which this program reads and writes", result_version));
  }
}

void check_context(const Checked& file) {
  const json& all = file.all();
  for (const char* key : {"suite", "device", "hardware", "arithmetic"}) file.text(all, "", key);
  const json& simulated = file.member(all, "", "simulated", "true or false");
  if (!simulated.is_boolean()) file.refuse("simulated", shown(simulated), "true or false");
  file.number(all, "", "threads", "a number of threads", true);
  const json& build = file.object(all, "", "build");
  for (const char* key : {"version", "compiler", "products", "cuda"}) file.text(build, "build.", key);
  (void)file.object(all, "", "machine");
  (void)file.object(all, "", "load");
}

void check_rows(const Checked& file) {
  const json& rows = file.member(file.all(), "", "rows", "a list of rows");
  if (!rows.is_array() || rows.empty()) file.refuse("rows", shown(rows), "a list of rows");
  std::map<std::string, size_t> places;
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::string place = fmt::format("rows[{}]", i);
    file.row(rows[i], place, file.all()["simulated"]);
    const auto [found, fresh] = places.emplace(row_key(rows[i]), i);
    if (!fresh) {
      file.refuse(place, fmt::format("'{}', as rows[{}] is", found->first, found->second), "each row once");
    }
  }
}

}  // namespace

std::string row_key(const json& row) {
  std::string key;
  for (const char* part : {"name", "size", "dtype", "constraint", "by"}) {
    const auto found = row.find(part);
    if (found == row.end() || !found->is_string() || found->get_ref<const std::string&>().empty()) continue;
    key += (key.empty() ? "" : ", ") + found->get<std::string>();
  }
  if (const auto threads = row.find("threads"); threads != row.end() && threads->is_number()) {
    key += ", " + threads->dump() + " threads";  // of a row that has its own number
  }
  return key;
}

std::vector<double> samples_of(const json& timing) {
  return timing.at("samples").get<std::vector<double>>();
}

json read_result_file(const std::filesystem::path& path) {
  Checked file(path);
  check_schema(file);
  check_context(file);
  check_rows(file);
  return std::move(file).take();
}

std::vector<std::string> differences(const json& a, const json& b) {
  static const std::pair<const char*, const char*> parts[]{
      {"device", "/device"},           {"hardware", "/hardware"},
      {"simulated", "/simulated"},     {"threads", "/threads"},
      {"arithmetic", "/arithmetic"},   {"compiler", "/build/compiler"},
      {"products", "/build/products"}, {"CUDA and libraries", "/build/cuda"}};
  std::vector<std::string> found;
  for (const auto& [name, pointer] : parts) {
    const json::json_pointer at(pointer);
    const json x = a.contains(at) ? a.at(at) : json(), y = b.contains(at) ? b.at(at) : json();
    if (x != y) found.push_back(fmt::format("{}: {} and {}", name, shown(x), shown(y)));
  }
  return found;
}

}  // namespace kantor
