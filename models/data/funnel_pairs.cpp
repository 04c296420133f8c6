#include "models/data/funnel_pairs.h"

#include "models/data/open_dataset.h"
#include "models/files/npy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <optional>

namespace kantor {

namespace embedded {
extern const std::string_view w1benchmark_published;
extern const std::string_view d2_n4_centers, d2_n4_offsets, d2_n16_centers, d2_n16_offsets, d16_n4_centers,
    d16_n4_offsets, d16_n16_centers, d16_n16_offsets, d128_n4_centers, d128_n4_offsets, d128_n16_centers,
    d128_n16_offsets;
}  // namespace embedded

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct EmbeddedPair {
  const char* name;
  std::string_view centres, offsets;
};

/// Made at the first call: the embedded texts are constants of other files.
const std::vector<EmbeddedPair>& embedded_pairs() {
  using namespace embedded;
  static const std::vector<EmbeddedPair> pairs{
      {"d2_n4", d2_n4_centers, d2_n4_offsets},       {"d2_n16", d2_n16_centers, d2_n16_offsets},
      {"d16_n4", d16_n4_centers, d16_n4_offsets},    {"d16_n16", d16_n16_centers, d16_n16_offsets},
      {"d128_n4", d128_n4_centers, d128_n4_offsets}, {"d128_n16", d128_n16_centers, d128_n16_offsets}};
  return pairs;
}

json parse_published(std::string_view text, const std::string& name) {
  json published = json::parse(text, nullptr, false);
  if (!published.is_object()) throw FileError(name + ": expected a JSON object of pairs with their published figures");
  return published;
}

/// The entry of a pair, an empty object where there is none.
json entry(const json& published, const std::string& pair) {
  json found = published.value(pair, json::object());
  return found.is_object() ? found : json::object();
}

/// What a published.json in the folder or beside it says of the pair.
json published_of(const fs::path& folder, const std::string& pair) {
  std::error_code ignored;
  for (const fs::path& file : {folder / "published.json", folder.parent_path() / "published.json"}) {
    if (!fs::is_regular_file(file, ignored)) continue;
    const std::vector<std::byte> bytes = read_file(file, size_t{1} << 24);
    return entry(parse_published({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, file.string()), pair);
  }
  return json::object();
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool is_pair(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / "centers.npy", ignored) && fs::exists(folder / "offsets.npy", ignored);
}

fs::path without_slash(const fs::path& folder) {
  const fs::path whole = fs::absolute(folder).lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();
}

FunnelPair open_folder(const fs::path& given) {
  const fs::path folder = without_slash(given);
  const std::string name = folder.filename().string();
  return {name, read_funnels(folder), published_of(folder, name)};
}

Tensor parse_embedded(std::string_view bytes, const std::string& name) {
  return parse_npy(std::as_bytes(std::span(bytes.data(), bytes.size())), name);
}

/// Parses a number at the start of `text`, and removes it there.
std::optional<int64_t> take_number(std::string_view& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < 0) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

/// "dD_nN:SEED".
std::optional<FunnelPair> made_pair(std::string_view text) {
  std::array<int64_t, 3> numbers{};
  constexpr std::array<std::string_view, 3> before{"d", "_n", ":"};
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (!text.starts_with(before[i])) return std::nullopt;
    text.remove_prefix(before[i].size());
    const std::optional<int64_t> number = take_number(text);
    if (!number) return std::nullopt;
    numbers[i] = *number;
  }
  if (!text.empty()) return std::nullopt;
  const auto [dimensions, count, seed] = numbers;
  return FunnelPair{fmt::format("d{}_n{}.{}", dimensions, count, seed),
                    make_funnels(dimensions, count, static_cast<uint64_t>(seed)), json::object()};
}

}  // namespace

const std::vector<std::string>& published_pairs() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const EmbeddedPair& pair : embedded_pairs()) list.emplace_back(pair.name);
    return list;
  }();
  return names;
}

FunnelPair open_pair(const std::string& source) {
  if (is_folder(source)) return open_folder(source);
  for (const EmbeddedPair& pair : embedded_pairs()) {
    if (source != pair.name) continue;
    return {source,
            {parse_embedded(pair.centres, source).to_vector<double>(),
             parse_embedded(pair.offsets, source).to_vector<double>()},
            entry(parse_published(embedded::w1benchmark_published, "published.json"), source)};
  }
  if (std::optional<FunnelPair> made = made_pair(source)) return *std::move(made);
  throw FileError(
      fmt::format("no pair of funnels '{}': expected a folder with centers.npy and offsets.npy, one of {}, or "
                  "dD_nN:SEED for a pair of D dimensions and N funnels made here, as in d2_n4:7",
                  source, fmt::join(published_pairs(), ", ")));
}

std::vector<std::string> find_pairs(const std::string& source) {
  if (!is_folder(source)) return {source};
  const fs::path folder = without_slash(source);
  if (is_pair(folder)) return {folder.string()};
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& inside : fs::directory_iterator(folder, error)) {
    if (is_pair(inside.path())) found.push_back(inside.path().string());
  }
  if (error) throw FileError(fmt::format("cannot list {}: {}", folder.string(), error.message()));
  if (found.empty()) {
    throw FileError(
        fmt::format("{}: expected centers.npy and offsets.npy, or folders that hold them", folder.string()));
  }
  std::sort(found.begin(), found.end());
  return found;
}

extern const DatasetKind funnels_kind;
const DatasetKind funnels_kind{"funnels", [](const DataConfig& config) {
                                 return funnels_p(open_pair(config.path.empty() ? "d2_n4:1" : config.path).funnels);
                               }};

}  // namespace kantor
