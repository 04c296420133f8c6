// NPY: a magic, a header that is a Python dictionary of three known keys, and the values. The header is parsed, never
// evaluated.
#include "models/files/bytes.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <optional>

namespace kantor {
namespace {

struct Header {
  std::string descr;
  bool fortran = false;
  std::vector<int64_t> shape;
};

/// The dictionary's text, token by token.
class Parser {
 public:
  Parser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  Header parse() {
    Header header;
    std::vector<std::string> seen;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      if (std::find(seen.begin(), seen.end(), key) != seen.end()) fail("the key '" + key + "' twice");
      seen.push_back(key);
      expect(':');
      if (key == "descr") {
        if (peek() == '[') fail("a structured type; expected one element type such as '<f4'");
        header.descr = quoted();
      } else if (key == "fortran_order") {
        header.fortran = boolean();
      } else if (key == "shape") {
        header.shape = tuple();
      } else {
        fail("the unknown key '" + key + "'");
      }
      if (!accept(',') && peek() != '}') fail("no comma between its keys");
    }
    if (seen.size() != 3) fail("not all of descr, fortran_order and shape");
    while (at_ < text_.size()) {
      if (std::isspace(static_cast<unsigned char>(text_[at_++])) == 0) fail("text after the dictionary");
    }
    return header;
  }

 private:
  [[noreturn]] void fail(const std::string& found) const {
    throw FileError(fmt::format("{}: the NPY header holds {}", name_, found));
  }
  char peek() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(fmt::format("no '{}' where one is expected (at byte {})", c, at_));
  }
  std::string quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail(fmt::format("no string at byte {}", at_));
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos || end - at_ > 64) fail("a string that does not end");
    std::string value(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return value;
  }
  bool boolean() {
    peek();
    for (const auto& [word, value] : {std::pair{"True", true}, std::pair{"False", false}}) {
      if (text_.substr(at_).starts_with(word)) {
        at_ += std::strlen(word);
        return value;
      }
    }
    fail("a fortran_order that is neither True nor False");
  }
  std::vector<int64_t> tuple() {
    std::vector<int64_t> shape;
    expect('(');
    while (!accept(')')) {
      if (shape.size() == Shape::max_rank) fail(fmt::format("a shape of more than {} axes", Shape::max_rank));
      int64_t extent = 0;
      if (std::isdigit(static_cast<unsigned char>(peek())) == 0) fail("a shape that is not of numbers >= 0");
      while (std::isdigit(static_cast<unsigned char>(peek())) != 0) {
        if (extent > (int64_t{1} << 58)) fail("an extent beyond 2^58");
        extent = extent * 10 + (text_[at_++] - '0');
      }
      shape.push_back(extent);
      if (!accept(',') && peek() != ')') fail("no comma in its shape");
    }
    return shape;
  }

  std::string_view text_;
  const std::string& name_;
  size_t at_ = 0;
};

/// One element at `p` as a Target.
template <class Target>
Target element(const std::byte* p, char kind, size_t size, bool swap) {
  if (kind == 'f') {
    if (size == 2) return static_cast<Target>(half_to_float(load<uint16_t>(p, swap)));
    return size == 4 ? static_cast<Target>(load<float>(p, swap)) : static_cast<Target>(load<double>(p, swap));
  }
  const bool is_signed = kind == 'i';
  switch (size) {
    case 1:
      return is_signed ? static_cast<Target>(load<int8_t>(p, swap)) : static_cast<Target>(load<uint8_t>(p, swap));
    case 2:
      return is_signed ? static_cast<Target>(load<int16_t>(p, swap)) : static_cast<Target>(load<uint16_t>(p, swap));
    case 4:
      return is_signed ? static_cast<Target>(load<int32_t>(p, swap)) : static_cast<Target>(load<uint32_t>(p, swap));
    default:
      return static_cast<Target>(load<int64_t>(p, swap));
  }
}

/// Values in C order from either order.
template <class Target>
Tensor convert(const std::byte* data, const Shape& shape, char kind, size_t size, bool swap, bool fortran) {
  std::vector<Target> values(static_cast<size_t>(shape.size()));
  for (int64_t i = 0; i < shape.size(); ++i) {
    int64_t source = i;
    if (fortran) {
      int64_t rest = i, stride = 1;
      std::vector<int64_t> index(static_cast<size_t>(shape.rank()));
      for (int axis = shape.rank() - 1; axis >= 0; --axis) {
        index[static_cast<size_t>(axis)] = rest % shape[axis];
        rest /= shape[axis];
      }
      source = 0;
      for (int axis = 0; axis < shape.rank(); ++axis) {
        source += index[static_cast<size_t>(axis)] * stride;
        stride *= shape[axis];
      }
    }
    values[static_cast<size_t>(i)] = element<Target>(data + static_cast<size_t>(source) * size, kind, size, swap);
  }
  return from_host(values, shape, {dtype_of<Target>, {}});
}

}  // namespace

Tensor read_npy(const std::filesystem::path& path) {
  return parse_npy(read_file(path), path.string());
}

Tensor parse_npy(std::span<const std::byte> file, const std::string& name) {
  static constexpr std::string_view magic = "\x93NUMPY";
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (!text.starts_with(magic) || file.size() < 10) {
    throw FileError(fmt::format("{}: {} bytes without the magic of an NPY file", name, file.size()));
  }
  const auto major = std::to_integer<int>(file[6]);
  if (major < 1 || major > 3) throw FileError(fmt::format("{}: NPY version {}, expected 1 to 3", name, major));
  const size_t start = major == 1 ? 10 : 12;
  if (file.size() < start) throw FileError(name + ": the NPY header is cut off");
  const size_t length = major == 1 ? load<uint16_t>(file.data() + 8, false) : load<uint32_t>(file.data() + 8, false);
  if (length > 65536 || length > file.size() - start) {
    throw FileError(fmt::format("{}: the NPY header claims {} bytes, the file holds {} and 65536 are possible", name,
                                length, file.size() - start));
  }
  const Header header = Parser(text.substr(start, length), name).parse();
  static const std::vector<std::string> known{"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "f2", "f4", "f8"};
  const std::string type = header.descr.empty() ? "" : header.descr.substr(1);
  if (header.descr.empty() || std::string_view("<>|=").find(header.descr[0]) == std::string_view::npos ||
      std::find(known.begin(), known.end(), type) == known.end()) {
    throw FileError(
        fmt::format("{}: element type '{}', expected float16 to float64, bool, or an integer", name, header.descr));
  }
  const char kind = type[0] == 'b' ? 'u' : type[0];
  const auto size = static_cast<size_t>(type[1] - '0');
  size_t bytes = size;
  for (const int64_t extent : header.shape) {
    if (__builtin_mul_overflow(bytes, static_cast<size_t>(extent), &bytes)) {
      throw FileError(fmt::format("{}: the NPY shape's product is beyond 2^64 bytes", name));
    }
  }
  if (bytes != file.size() - start - length) {
    throw FileError(
        fmt::format("{}: {} bytes of values, the NPY header promises {}", name, file.size() - start - length, bytes));
  }
  const Shape shape{std::span<const int64_t>(header.shape)};
  const std::byte* data = file.data() + start + length;
  const bool swap = header.descr[0] == '>' && size > 1;
  if (kind != 'f') return convert<int64_t>(data, shape, kind, size, swap, header.fortran);
  if (size == 8) return convert<double>(data, shape, kind, size, swap, header.fortran);
  return convert<float>(data, shape, kind, size, swap, header.fortran);
}

void write_npy(const std::filesystem::path& path, const Tensor& tensor) {
  const std::string descr = tensor.dtype() == DType::float32 ? "<f4" : tensor.dtype() == DType::float64 ? "<f8" : "<i8";
  std::string shape;
  for (const int64_t extent : tensor.shape()) shape += fmt::format("{}, ", extent);
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr, shape);
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 10, ' ');
  header.back() = '\n';
  std::string content("\x93NUMPY\x01\x00", 8);
  content += static_cast<char>(header.size() & 255);
  content += static_cast<char>(header.size() >> 8);
  content += header;
  const View view = tensor.view();
  content.append(static_cast<const char*>(view.data), static_cast<size_t>(view.size()) * size_of(view.dtype));
  write_file_atomically(path, std::string_view(content));
}

}  // namespace kantor
