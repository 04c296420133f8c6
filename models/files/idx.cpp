// IDX, the format of MNIST: 00 00 type rank, big-endian extents, values. Unsigned bytes only.
#include "models/files/files.h"

#include <fmt/format.h>

namespace kantor {
namespace {

constexpr size_t limit = size_t{1} << 32;

}  // namespace

IdxBytes read_idx(const std::filesystem::path& path) {
  return parse_idx(read_file(path, limit), path.string());
}

IdxBytes parse_idx(std::span<const std::byte> data, const std::string& name) {
  const auto byte = [&](size_t i) { return std::to_integer<uint32_t>(data[i]); };
  if (data.size() >= 2 && byte(0) == 0x1f && byte(1) == 0x8b) {
    const std::vector<std::byte> inflated = gunzip(data, name, limit);
    if (inflated.size() >= 2 && inflated[0] == std::byte{0x1f}) throw FileError(name + ": gzip inside gzip");
    return parse_idx(inflated, name);
  }
  if (data.size() < 4) throw FileError(fmt::format("{}: {} bytes, an IDX file has at least 4", name, data.size()));
  if (byte(0) != 0 || byte(1) != 0) {
    throw FileError(fmt::format("{}: begins with {:02x} {:02x}, an IDX file with 00 00", name, byte(0), byte(1)));
  }
  if (byte(2) != 0x08) {
    throw FileError(fmt::format("{}: IDX element type 0x{:02x}, expected 0x08 (unsigned bytes)", name, byte(2)));
  }
  const size_t rank = byte(3), header = 4 + 4 * rank;
  if (rank < 1 || rank > 4) throw FileError(fmt::format("{}: IDX of rank {}, expected 1 to 4", name, rank));
  if (data.size() < header)
    throw FileError(fmt::format("{}: the IDX header is cut off at {} bytes", name, data.size()));
  IdxBytes result;
  size_t expected = 1;
  for (size_t axis = 0; axis < rank; ++axis) {
    const size_t i = 4 + 4 * axis;
    const uint32_t extent = byte(i) << 24 | byte(i + 1) << 16 | byte(i + 2) << 8 | byte(i + 3);
    if (__builtin_mul_overflow(expected, size_t{extent}, &expected)) expected = SIZE_MAX;
    result.shape.push_back(extent);
  }
  if (expected != data.size() - header) {
    throw FileError(fmt::format("{}: {} bytes of values, the IDX header promises {}", name, data.size() - header,
                                expected == SIZE_MAX ? "more than fit into memory" : std::to_string(expected)));
  }
  const auto* values = reinterpret_cast<const uint8_t*>(data.data()) + header;
  result.values.assign(values, values + expected);
  return result;
}

}  // namespace kantor
