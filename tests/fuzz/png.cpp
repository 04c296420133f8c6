// PNG: what is read can be written and read again. Checksums are corrected first: few mutations would get past
// them.
#include "models/files/png.h"

#include "models/files/bytes.h"
#include "models/files/file_error.h"
#include "tests/fuzz/target.h"

#include <zlib.h>

namespace kantor {

namespace {

/// Walks the whole chunks: length, type, content, checksum.
std::vector<std::byte> with_right_checksums(Bytes data) {
  std::vector<std::byte> out(data.begin(), data.end());
  constexpr size_t signature = 8, around = 12;
  for (size_t at = signature; at + around <= out.size();) {
    const size_t length = load<uint32_t>(out.data() + at, true);
    if (length > out.size() - at - around) break;
    const auto sum = static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(out.data()) + at + 4, length + 4));
    for (size_t i = 0; i < 4; ++i) out[at + 8 + length + i] = static_cast<std::byte>(sum >> (24 - 8 * i) & 255);
    at += around + length;
  }
  return out;
}

void parse_once(Bytes data) {
  const Image image = parse_png(data, "input");
  if (image.pixels.size() > 1 << 16) return;  // large ones take long
  require(parse_png(encode_png(image), "again").pixels == image.pixels, "PNG: other pixels when read again");
}

}  // namespace

void parse(Bytes data) {
  try {
    parse_once(data);
  } catch (const FileError&) {
    parse_once(with_right_checksums(data));
  }
}

/// Three bytes a pixel, and libpng's rows of up to eight.
size_t declared_size(Bytes data) {
  constexpr size_t width_at = 16, height_at = 20, limit = size_t{1} << 26;
  if (data.size() < height_at + 4) return 0;
  const size_t width = load<uint32_t>(data.data() + width_at, true);
  const size_t height = load<uint32_t>(data.data() + height_at, true);
  return 8 * std::min(width * height, limit);
}

}  // namespace kantor
