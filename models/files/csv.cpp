// CSV: a table of numbers, one row a line, with or without a line of names on top. Commas, semicolons or tabs separate;
// fields may be quoted. Plain or packed with gzip.
#include "models/files/csv.h"

#include "models/files/atomic_file.h"
#include "models/files/bytes.h"
#include "models/files/content.h"
#include "models/files/gzip.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace kantor {

namespace {

constexpr size_t file_limit = std::numeric_limits<uint32_t>::max();  // 4 GiB
constexpr std::string_view blank = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t"), end = text.find_last_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin, end - begin + 1);
}

/// All of `text` as a number; infinite or NaN if it says so or is too large for a double; nullopt if it is none.
std::optional<double> number(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) return std::nullopt;
  return error == std::errc::result_out_of_range ? std::numeric_limits<double>::infinity() : value;
}

class TableReader {
 public:
  TableReader(std::string_view text, const std::string& name) : rest_(text), name_(name) {
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);  // the mark of UTF-8 that spreadsheets write
  }

  Tensor read() {
    if (!next_line()) refuse(name_, "is empty, expected rows of numbers");
    choose_separator();
    split();
    const size_t columns = fields_.size(), first = line_number_;
    if (!is_header()) append_row();
    while (next_line()) {
      split();
      if (fields_.size() != columns) {
        refuse(name_, "line {} has {}, expected {} as in line {}", line_number_, columns_text(fields_.size()), columns,
               first);
      }
      append_row();
    }
    if (values_.empty()) refuse(name_, "holds a line of names and no row of numbers");
    const auto width = static_cast<int64_t>(columns);
    return from_host(values_, {static_cast<int64_t>(values_.size()) / width, width});
  }

 private:
  static std::string columns_text(size_t count) { return fmt::format("{} column{}", count, count == 1 ? "" : "s"); }

  /// Takes the next line; false at the end. Empty lines are allowed at the end only.
  bool next_line() {
    if (rest_.find_first_not_of(blank) == std::string_view::npos) return false;
    const size_t end = std::min(rest_.find('\n'), rest_.size());
    line_ = rest_.substr(0, end);
    if (line_.ends_with('\r')) line_.remove_suffix(1);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    ++line_number_;
    if (trimmed(line_).empty()) refuse(name_, "line {} is empty, expected numbers", line_number_);
    return true;
  }

  /// Tab, else semicolon, else comma: the first that the first line has outside of quotes.
  void choose_separator() {
    for (const char candidate : {'\t', ';'}) {
      bool quoted = false;
      for (const char c : line_) {
        if (c == '"') quoted = !quoted;
        if (c == candidate && !quoted) {
          separator_ = candidate;
          return;
        }
      }
    }
  }

  void split() {
    fields_.clear();
    for (size_t at = 0; at <= line_.size();) {
      const size_t begin = std::min(line_.find_first_not_of(' ', at), line_.size());
      if (begin < line_.size() && line_[begin] == '"') {
        at = split_quoted(begin + 1);
      } else {
        const size_t end = std::min(line_.find(separator_, at), line_.size());
        fields_.push_back(trimmed(line_.substr(at, end - at)));
        at = end + 1;
      }
    }
  }

  /// A field whose quote opened before `begin`, up to its closing one; a doubled quote inside is a quote.
  size_t split_quoted(size_t begin) {
    size_t close = line_.find('"', begin);
    while (close != std::string_view::npos && close + 1 < line_.size() && line_[close + 1] == '"') {
      close = line_.find('"', close + 2);
    }
    if (close == std::string_view::npos) fail("a quote that does not close on its line", "a closing quote");
    const size_t next = std::min(line_.find_first_not_of(' ', close + 1), line_.size());
    if (next < line_.size() && line_[next] != separator_) {
      fail(quote(line_.substr(next)) + " after a closing quote", "the next column or the end of the line");
    }
    fields_.push_back(line_.substr(begin, close - begin));
    return next + 1;
  }

  /// Whether no field is a number and at least one has text.
  [[nodiscard]] bool is_header() const {
    const auto is_number = [](std::string_view field) { return number(trimmed(field)).has_value(); };
    const auto is_empty = [](std::string_view field) { return field.empty(); };
    return std::none_of(fields_.begin(), fields_.end(), is_number) &&
           !std::all_of(fields_.begin(), fields_.end(), is_empty);
  }

  void append_row() {
    for (column_ = 1; column_ <= fields_.size(); ++column_) {
      const std::string_view field = fields_[column_ - 1];
      const std::optional<double> value = number(trimmed(field));
      if (!value) fail(field.empty() ? "nothing" : quote(field), "a number such as -1.5e3");
      values_.push_back(static_cast<float>(*value));
      if (!std::isfinite(values_.back())) fail(quote(field), "a finite number that float32 holds");
    }
    column_ = 0;
  }

  [[noreturn]] void fail(const std::string& found, std::string_view expected) const {
    refuse(name_, "line {}, column {}: found {}, expected {}", line_number_, column_ > 0 ? column_ : fields_.size() + 1,
           found, expected);
  }

  std::string_view rest_, line_;
  const std::string& name_;
  char separator_ = ',';
  size_t line_number_ = 0;
  size_t column_ = 0;  // of the row that is read, from 1; 0 while a line is split
  std::vector<std::string_view> fields_;
  std::vector<float> values_;
};

}  // namespace

Tensor read_csv(const std::filesystem::path& path) {
  return parse_csv(read_file(path, file_limit), path.string());
}

Tensor parse_csv(std::span<const std::byte> data, const std::string& name) {
  if (is_gzip(data)) {
    const std::vector<std::byte> inflated = gunzip(data, name, file_limit);
    if (is_gzip(inflated)) refuse(name, "gzip inside gzip");
    return parse_csv(inflated, name);
  }
  try {
    return TableReader(as_text(data), name).read();
  } catch (const FileError&) {
    const std::string other = describe_content(data, true);
    if (other.empty()) throw;
    refuse(name, "is {}; expected rows of numbers", other);
  }
}

}  // namespace kantor
