// IDX, the format of MNIST: 00 00 type rank, big-endian extents, values. Unsigned bytes only. Plain or packed with
// gzip.
#include "models/files/idx.h"

#include "models/files/atomic_file.h"
#include "models/files/bytes.h"
#include "models/files/content.h"
#include "models/files/gzip.h"

namespace kantor {
namespace {

constexpr size_t limit = size_t{1} << 32;
constexpr size_t longest_header = 20;

struct Header {
  std::vector<int64_t> shape;
  size_t size = 0;    // of the header itself
  size_t values = 0;  // bytes that follow it; SIZE_MAX beyond 2^64
};

Header parse_header(Bytes data, const std::string& name) {
  const auto byte = [&](size_t i) { return std::to_integer<uint32_t>(data[i]); };
  if (data.size() < 4) refuse(name, "{} bytes, an IDX file has at least 4", data.size());
  if (byte(0) != 0 || byte(1) != 0) {
    const std::string other = describe_content(data);
    refuse(name, "begins with {:02x} {:02x}, an IDX file with 00 00{}", byte(0), byte(1),
           other.empty() ? "" : "; it is " + other);
  }
  if (byte(2) != 0x08) refuse(name, "IDX element type 0x{:02x}, expected 0x08 (unsigned bytes)", byte(2));
  const size_t rank = byte(3);
  if (rank < 1 || rank > 4) refuse(name, "IDX of rank {}, expected 1 to 4", rank);
  Header header{{}, 4 + 4 * rank, 1};
  if (data.size() < header.size) refuse(name, "the IDX header is cut off at {} bytes", data.size());
  for (size_t axis = 0; axis < rank; ++axis) {
    const auto extent = load<uint32_t>(data.data() + 4 + 4 * axis, true);
    if (__builtin_mul_overflow(header.values, size_t{extent}, &header.values)) header.values = SIZE_MAX;
    header.shape.push_back(extent);
  }
  return header;
}

}  // namespace

IdxBytes read_idx(const std::filesystem::path& path) {
  return parse_idx(read_file(path, limit), path.string());
}

IdxBytes parse_idx(std::span<const std::byte> data, const std::string& name) {
  if (is_gzip(data)) {
    const std::vector<std::byte> start = gunzip_start(data, name, longest_header);
    if (is_gzip(start)) refuse(name, "gzip inside gzip");
    const Header header = parse_header(start, name);
    if (header.values > limit) {
      refuse(name, "the IDX header promises {} bytes of values, at most {} are read", header.values, limit);
    }
    return parse_idx(gunzip_start(data, name, header.size + header.values + 1), name);  // one more shows an excess
  }
  Header header = parse_header(data, name);
  const Bytes values = data.subspan(header.size);
  if (header.values != values.size()) {
    refuse(name, "{} bytes of values, the IDX header promises {}", values.size(),
           header.values == SIZE_MAX ? "more than fit into memory" : std::to_string(header.values));
  }
  const auto* begin = reinterpret_cast<const uint8_t*>(values.data());
  return {std::move(header.shape), {begin, begin + values.size()}};
}

}  // namespace kantor
