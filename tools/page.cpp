#include "tools/page.h"

#include "models/files/atomic_file.h"

#include <cstdint>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace kantor {
std::string base64(std::span<const std::byte> data) {
  static constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < data.size(); i += 3) {
    const size_t n = std::min<size_t>(3, data.size() - i);
    uint32_t word = 0;
    for (size_t k = 0; k < 3; ++k) word = word << 8 | (k < n ? std::to_integer<uint32_t>(data[i + k]) : 0);
    for (size_t k = 0; k < 4; ++k) text += k <= n ? digits[word >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

void replace_mark(std::string& page, std::string_view mark, std::string_view content) {
  const size_t at = page.find(mark);
  if (at == std::string::npos) throw Error(fmt::format("the page's template lacks {}", mark));
  page.replace(at, mark.size(), content);
}

std::string script_safe(const nlohmann::json& data) {
  std::string text;
  for (const char c : data.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)) {
    if (c == '<') {
      text += "\\u003c";
    } else {
      text += c;
    }
  }
  return text;
}

std::string picture_source(const std::filesystem::path& png) {
  return "data:image/png;base64," + base64(read_file(png));
}

std::string read_text(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace kantor
