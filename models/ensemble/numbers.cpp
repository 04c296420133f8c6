#include "models/ensemble/numbers.h"

#include "models/training/config.h"

#include <charconv>
#include <fmt/format.h>
#include <optional>
#include <string_view>

namespace kantor {
namespace {

std::optional<int64_t> natural(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

NumberRange parse_range(std::string_view part, const std::string& text, const std::string& option) {
  const size_t dots = part.find("..");
  const auto first = natural(part.substr(0, dots));
  const auto last = dots == std::string_view::npos ? first : natural(part.substr(dots + 2));
  if (!first || !last) {
    throw ConfigError(
        fmt::format("{} {}: '{}' is no number of at least 0, and no range of them; expected a list such as 1..100, "
                    "1,2,7 or 1..3,7",
                    option, text, part));
  }
  if (*first > *last) {
    throw ConfigError(fmt::format("{} {}: '{}' goes down; expected {}..{}", option, text, part, *last, *first));
  }
  return {*first, *last};
}

}  // namespace

Numbers Numbers::parse(const std::string& text, const std::string& option) {
  Numbers result;
  size_t at = 0;
  for (size_t comma = 0; comma != std::string::npos; at = comma + 1) {
    comma = text.find(',', at);
    const size_t length = comma == std::string::npos ? comma : comma - at;
    result.ranges_.push_back(parse_range(std::string_view(text).substr(at, length), text, option));
  }
  return result;
}

int64_t Numbers::count() const {
  int64_t sum = 0;
  for (const NumberRange& range : ranges_) {
    const int64_t span = range.last - range.first;
    if (span >= INT64_MAX - 1 - sum) return INT64_MAX;
    sum += span + 1;
  }
  return sum;
}

std::vector<int64_t> Numbers::all() const {
  std::vector<int64_t> numbers;
  numbers.reserve(static_cast<size_t>(count()));
  for (const NumberRange& range : ranges_) {
    for (int64_t number = range.first;; ++number) {
      numbers.push_back(number);
      if (number == range.last) break;
    }
  }
  return numbers;
}

void Numbers::append(const Numbers& more) {
  ranges_.insert(ranges_.end(), more.ranges_.begin(), more.ranges_.end());
}

int64_t saturating_product(int64_t a, int64_t b) {
  return a != 0 && b > INT64_MAX / a ? INT64_MAX : a * b;
}

}  // namespace kantor
