// NPY: a magic, a header that is a Python dictionary of three known keys, and the values. The header is parsed, never
// evaluated.
#include "models/files/npy.h"

#include "models/files/bytes.h"
#include "models/files/content.h"
#include "models/files/gzip.h"

#include <cctype>

namespace kantor {
namespace {

constexpr size_t longest_header = 65536;

/// What NumPy calls an element type, and how NPY files name it after the byte order.
struct ElementType {
  std::string_view name;
  std::string_view code;
  NpyArray::Kind kind;
  size_t size;
};

constexpr ElementType element_types[] = {
    {"bool", "b1", NpyArray::Kind::boolean, 1},   {"bool", "?", NpyArray::Kind::boolean, 1},
    {"uint8", "u1", NpyArray::Kind::natural, 1},  {"uint16", "u2", NpyArray::Kind::natural, 2},
    {"uint32", "u4", NpyArray::Kind::natural, 4}, {"uint64", "u8", NpyArray::Kind::natural, 8},
    {"int8", "i1", NpyArray::Kind::integer, 1},   {"int16", "i2", NpyArray::Kind::integer, 2},
    {"int32", "i4", NpyArray::Kind::integer, 4},  {"int64", "i8", NpyArray::Kind::integer, 8},
    {"float16", "f2", NpyArray::Kind::real, 2},   {"float32", "f4", NpyArray::Kind::real, 4},
    {"float64", "f8", NpyArray::Kind::real, 8},
};

struct Header {
  std::string descr;
  bool fortran = false;
  std::vector<int64_t> shape;
  size_t size = 0;  // bytes before the values
};

/// Reads the dictionary's text token by token: all that NumPy's reader accepts, including Python 2's 2000L and u'...'.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

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
    peek();
    if (at_ < text_.size()) fail("text after the dictionary");
    return header;
  }

 private:
  [[noreturn]] void fail(const std::string& found) const { refuse(name_, "the NPY header holds {}", found); }
  /// The next character that is not white space; NUL at the end.
  char peek() {
    at_ = std::min(text_.find_first_not_of(" \t\r\n\f\v", at_), text_.size());
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
    if ((peek() == 'u' || peek() == 'b') && at_ + 1 < text_.size()) ++at_;
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') fail(fmt::format("no string at byte {}", at_));
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos || end - at_ > 64) fail("a string that does not end");
    std::string value(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return value;
  }
  bool boolean() {
    peek();
    for (const auto& [word, value] : {std::pair{std::string_view("True"), true}, {std::string_view("False"), false}}) {
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return value;
      }
    }
    fail("a fortran_order that is neither True nor False");
  }
  std::vector<int64_t> tuple() {
    const auto is_digit = [&] {
      return at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])) != 0;
    };
    std::vector<int64_t> shape;
    expect('(');
    while (!accept(')')) {
      if (shape.size() == Shape::max_rank) fail(fmt::format("a shape of more than {} axes", Shape::max_rank));
      int64_t extent = 0;
      if (!is_digit()) fail("a shape that is not of numbers >= 0");
      while (is_digit()) {
        if (extent > (int64_t{1} << 58)) fail("an extent beyond 2^58");
        extent = extent * 10 + (text_[at_++] - '0');
      }
      if (at_ < text_.size() && text_[at_] == 'L') ++at_;
      shape.push_back(extent);
      if (!accept(',') && peek() != ')') fail("no comma in its shape");
    }
    return shape;
  }

  std::string_view text_;
  const std::string& name_;
  size_t at_ = 0;
};

Header parse_header(Bytes file, const std::string& name) {
  static constexpr std::string_view magic = "\x93NUMPY";
  if (!as_text(file).starts_with(magic) || file.size() < 10) {
    const std::string other = describe_content(file);
    refuse(name, "{} bytes without the magic of an NPY file{}", file.size(), other.empty() ? "" : "; it is " + other);
  }
  const auto major = std::to_integer<int>(file[6]);
  if (major < 1 || major > 3) refuse(name, "NPY version {}, expected 1 to 3", major);
  const size_t start = major == 1 ? 10 : 12;
  if (file.size() < start) refuse(name, "the NPY header is cut off");
  const size_t length = major == 1 ? load<uint16_t>(file.data() + 8) : load<uint32_t>(file.data() + 8);
  if (length > longest_header || length > file.size() - start) {
    refuse(name, "the NPY header claims {} bytes, the file holds {} and {} are possible", length, file.size() - start,
           longest_header);
  }
  Header header = HeaderParser(as_text(file.subspan(start, length)), name).parse();
  header.size = start + length;
  return header;
}

const ElementType& element_type(const Header& header, const std::string& name) {
  std::string_view code = header.descr;
  if (!code.empty() && std::string_view("<>|=").find(code[0]) != std::string_view::npos) code.remove_prefix(1);
  for (const ElementType& type : element_types) {
    if (code == type.code || header.descr == type.name) return type;
  }
  const bool object = code == "O" || code == "object";
  refuse(name, "element type '{}'{}, expected bool, an integer, or float16 to float64", header.descr,
         object ? ", which holds pickled Python objects: convert it with array.astype(numpy.float32)" : "");
}

/// Bytes of the values that the header promises. Throws FileError beyond 2^64.
size_t promised_bytes(const Header& header, size_t size, const std::string& name) {
  size_t bytes = size;
  for (const int64_t extent : header.shape) {
    if (__builtin_mul_overflow(bytes, static_cast<size_t>(extent), &bytes)) {
      refuse(name, "the NPY shape's product is beyond 2^64 bytes");
    }
  }
  return bytes;
}

/// The positions of an array's elements, in the requested order.
struct Plan {
  std::vector<int64_t> extents;  // of the result's axes
  std::vector<int64_t> strides;  // elements of the file from one index to the next
};

/// Calls row(source, out, count, step) for pieces of the result that are contiguous in it, `step` elements apart in the
/// file: from element `source` of the file to element `out` of the result.
/// Where the last axis strides over the file, it goes through tiles of it and of the axis that is contiguous there, so
/// that every cache line is used whole on both sides.
template <class Row>
void for_rows(const Plan& plan, size_t item, const Row& row) {
  const size_t rank = plan.extents.size();
  if (rank == 0) return row(0, 0, 1, 1);
  const size_t last = rank - 1;
  size_t contiguous = last;  // the axis along which the file is contiguous
  for (size_t axis = 0; axis < rank; ++axis) {
    if (plan.strides[axis] == 1 && plan.extents[axis] > 1 && plan.strides[last] != 1) contiguous = axis;
  }
  std::vector<int64_t> out_strides(rank, 1), index(rank, 0);
  for (size_t axis = last; axis > 0; --axis) out_strides[axis - 1] = out_strides[axis] * plan.extents[axis];
  const auto tile = static_cast<int64_t>(std::max<size_t>(16, 64 / item));
  const int64_t width = plan.extents[last], height = contiguous == last ? 1 : plan.extents[contiguous];
  const int64_t columns = contiguous == last ? width : tile;
  while (true) {
    int64_t source = 0, out = 0;
    for (size_t axis = 0; axis < rank; ++axis) {
      source += index[axis] * plan.strides[axis];
      out += index[axis] * out_strides[axis];
    }
    for (int64_t i0 = 0; i0 < height; i0 += tile) {
      for (int64_t j0 = 0; j0 < width; j0 += columns) {
        for (int64_t i = i0; i < std::min(i0 + tile, height); ++i) {
          row(source + i * plan.strides[contiguous] + j0 * plan.strides[last], out + i * out_strides[contiguous] + j0,
              std::min(columns, width - j0), plan.strides[last]);
        }
      }
    }
    size_t axis = last;  // the next index of the other axes
    while (true) {
      if (axis == 0) return;
      --axis;
      if (axis == contiguous) continue;
      if (++index[axis] < plan.extents[axis]) break;
      index[axis] = 0;
    }
  }
}

/// All values of a file whose elements are `Source`, converted.
template <class Source, class Target, class Convert>
void convert(Bytes values, const Plan& plan, Target* out, const Convert& one) {
  for_rows(plan, sizeof(Source), [&](int64_t source, int64_t target, int64_t count, int64_t step) {
    const std::byte* from = values.data() + static_cast<size_t>(source) * sizeof(Source);
    for (int64_t k = 0; k < count; ++k) {
      out[target + k] = one(from + static_cast<size_t>(k * step) * sizeof(Source));
    }
  });
}

template <class Source, class Target>
void convert_numbers(Bytes values, const Plan& plan, bool swap, Target* out) {
  if (swap) {
    convert<Source>(values, plan, out, [](const std::byte* p) { return static_cast<Target>(load<Source>(p, true)); });
  } else {
    convert<Source>(values, plan, out, [](const std::byte* p) { return static_cast<Target>(load<Source>(p)); });
  }
}

}  // namespace

NpyArray::NpyArray(std::span<const std::byte> file, const std::string& name) {
  Bytes data = file;
  if (is_gzip(file)) {
    const std::vector<std::byte> start = gunzip_start(file, name, longest_header + 12);
    if (is_gzip(start)) refuse(name, "gzip inside gzip");
    const Header header = parse_header(start, name);
    const size_t bytes = promised_bytes(header, element_type(header, name).size, name);
    if (bytes / deflate_limit > file.size()) {
      refuse(name, "the NPY header promises {} bytes, more than {} bytes of gzip data can hold", bytes, file.size());
    }
    inflated_ = gunzip_start(file, name, header.size + bytes + 1);  // one more shows an excess
    data = inflated_;
  }
  const Header header = parse_header(data, name);
  const ElementType& type = element_type(header, name);
  values_ = data.subspan(header.size);
  if (const size_t bytes = promised_bytes(header, type.size, name); bytes != values_.size()) {
    refuse(name, "{} bytes of values, the NPY header promises {}", values_.size(), bytes);
  }
  shape_ = checked_shape(name, header.shape);
  type_ = type.name;
  kind_ = type.kind;
  size_ = type.size;
  swap_ = header.descr[0] == '>' && size_ > 1;
  fortran_ = header.fortran;
}

template <class T>
std::vector<T> NpyArray::values(std::span<const int> axes) const {
  const auto stride_of = [&](int axis) {  // in Fortran order the axes before this one vary faster
    return fortran_ ? shape_.size() / std::max<int64_t>(shape_.size_from(axis), 1) : shape_.size_from(axis + 1);
  };
  Plan plan;
  for (const int axis : axes) {
    const int64_t extent = shape_[axis], stride = stride_of(axis);
    if (extent == 1) continue;
    if (!plan.extents.empty() && plan.strides.back() == extent * stride) {  // the two axes merge
      plan.extents.back() *= extent;
      plan.strides.back() = stride;
    } else {
      plan.extents.push_back(extent);
      plan.strides.push_back(stride);
    }
  }
  std::vector<T> result(static_cast<size_t>(shape_.size()));
  if (result.empty()) return result;
  T* out = result.data();
  const bool is_signed = kind_ == Kind::integer;
  if (kind_ == Kind::boolean) {
    convert<uint8_t>(values_, plan, out, [](const std::byte* p) { return static_cast<T>(*p == std::byte{0} ? 0 : 1); });
  } else if (kind_ == Kind::real && size_ == 2) {
    const bool swap = swap_;
    convert<uint16_t>(values_, plan, out,
                      [swap](const std::byte* p) { return static_cast<T>(half_to_float(load<uint16_t>(p, swap))); });
  } else if (kind_ == Kind::real) {
    size_ == 4 ? convert_numbers<float>(values_, plan, swap_, out) : convert_numbers<double>(values_, plan, swap_, out);
  } else if (size_ == 1) {
    is_signed ? convert_numbers<int8_t>(values_, plan, false, out)
              : convert_numbers<uint8_t>(values_, plan, false, out);
  } else if (size_ == 2) {
    is_signed ? convert_numbers<int16_t>(values_, plan, swap_, out)
              : convert_numbers<uint16_t>(values_, plan, swap_, out);
  } else if (size_ == 4) {
    is_signed ? convert_numbers<int32_t>(values_, plan, swap_, out)
              : convert_numbers<uint32_t>(values_, plan, swap_, out);
  } else {
    is_signed ? convert_numbers<int64_t>(values_, plan, swap_, out)
              : convert_numbers<uint64_t>(values_, plan, swap_, out);
  }
  return result;
}

template std::vector<uint8_t> NpyArray::values(std::span<const int>) const;
template std::vector<float> NpyArray::values(std::span<const int>) const;
template std::vector<double> NpyArray::values(std::span<const int>) const;
template std::vector<int64_t> NpyArray::values(std::span<const int>) const;

Tensor read_npy(const std::filesystem::path& path) {
  return parse_npy(read_file(path), path.string());
}

Tensor parse_npy(std::span<const std::byte> file, const std::string& name) {
  const NpyArray array(file, name);
  const std::array<int, Shape::max_rank> order{0, 1, 2, 3, 4, 5};
  const std::span<const int> axes(order.data(), static_cast<size_t>(array.shape().rank()));
  if (array.dtype() == "float64") return from_host(array.values<double>(axes), array.shape(), {DType::float64, {}});
  if (array.is_real()) return from_host(array.values<float>(axes), array.shape());
  const std::vector<int64_t> values = array.values<int64_t>(axes);
  if (array.dtype() == "uint64") {
    const auto wrapped = std::find_if(values.begin(), values.end(), [](int64_t value) { return value < 0; });
    if (wrapped != values.end()) {
      refuse(name, "the value at {} is {}, expected integers below 2^63",
             index_text(array.shape(), wrapped - values.begin()), static_cast<uint64_t>(*wrapped));
    }
  }
  return from_host(values, array.shape(), {DType::int64, {}});
}

}  // namespace kantor
