// PNG: what is read can be written and read again.
#include "models/files/bytes.h"
#include "tests/fuzz/target.h"

namespace kantor {

void parse(Bytes data) {
  const Image image = parse_png(data, "input");
  if (image.pixels.size() > 1 << 16) return;  // large ones take long
  require(parse_png(encode_png(image), "again").pixels == image.pixels, "PNG: other pixels when read again");
}

/// Three bytes a pixel, and libpng's rows of up to eight.
size_t declared_size(Bytes data) {
  constexpr size_t width_at = 16, height_at = 20, limit = size_t{1} << 26;
  if (data.size() < height_at + 4) return 0;
  const size_t pixels =
      size_t{load<uint32_t>(data.data() + width_at, true)} * load<uint32_t>(data.data() + height_at, true);
  return 8 * std::min(pixels, limit);
}

}  // namespace kantor
