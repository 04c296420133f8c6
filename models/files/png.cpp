// PNG through libpng's simplified interface. Before libpng sees a file, its chunks are walked here: checksums, order,
// and a size that the compressed bytes can hold; chunks that do not change the pixels are left out.
#include "models/files/png.h"

#include "models/files/atomic_file.h"
#include "models/files/bytes.h"
#include "models/files/content.h"

#include <png.h>
#include <zlib.h>

namespace kantor {

namespace {

constexpr std::string_view signature("\x89PNG\r\n\x1a\n", 8);
constexpr uint64_t pixel_limit = uint64_t{1} << 26;

/// IHDR's size and depth; throws FileError where the image is too large, or larger than its data can be.
void check_size(Bytes header, size_t data_bytes, const std::string& name) {
  if (header.size() != 13) refuse(name, "a PNG header of {} bytes, expected 13", header.size());
  const uint64_t width = load<uint32_t>(header.data(), true);
  const uint64_t height = load<uint32_t>(header.data() + 4, true);
  if (width == 0 || height == 0 || width > pixel_limit || height > pixel_limit || width * height > pixel_limit) {
    refuse(name, "a PNG of {} x {} pixels, expected 1 to {} in all", width, height, pixel_limit);
  }
  const auto depth = std::to_integer<unsigned>(header[8]);
  const auto color = std::to_integer<unsigned>(header[9]);
  const unsigned channels = color == 2 ? 3 : color == 4 ? 2 : color == 6 ? 4 : 1;
  const uint64_t raw = width * height * depth * channels / 8;
  if (raw / deflate_limit > data_bytes) {
    refuse(name, "a PNG of {} x {} pixels takes {} bytes, more than its {} bytes of compressed data can hold", width,
           height, raw, data_bytes);
  }
}

/// The file with the chunks that libpng needs for the pixels, all verified.
std::vector<std::byte> verified(Bytes data, const std::string& name) {
  if (!as_text(data).starts_with(signature)) {
    const std::string other = describe_content(data);
    refuse(name, "{}, expected a PNG", other.empty() ? "begins with " + quote(as_text(data), 8) : "is " + other);
  }
  const Bytes start = data.first(signature.size());
  std::vector<std::byte> kept(start.begin(), start.end());
  size_t at = signature.size();
  Bytes header;
  size_t data_bytes = 0;
  for (std::string type; type != "IEND";) {
    const size_t left = data.size() - at;
    const uint64_t length = left < 12 ? 0 : load<uint32_t>(data.data() + at, true);
    if (left < 12 || length > left - 12) refuse(name, "truncated: the PNG ends after {} bytes inside a chunk", at);
    const Bytes chunk = data.subspan(at, length + 12);
    const Bytes checked = chunk.subspan(4, length + 4);
    type = as_text(checked.first(4));
    const uLong sum = crc32_z(0, reinterpret_cast<const Bytef*>(checked.data()), checked.size());
    if (const auto stored = load<uint32_t>(chunk.data() + 8 + length, true); stored != sum) {
      refuse(name, "damaged: the PNG chunk {} at byte {} has checksum {:08x}, expected {:08x}", quote(type), at, sum,
             stored);
    }
    if (header.empty() && type != "IHDR") refuse(name, "the first PNG chunk is {}, expected IHDR", quote(type));
    if (type == "IHDR") header = checked.subspan(4);
    if (type == "IDAT") data_bytes += length;
    if (type == "IHDR" || type == "PLTE" || type == "tRNS" || type == "IDAT" || type == "IEND") {
      kept.insert(kept.end(), chunk.begin(), chunk.end());
    } else if ((type[0] & 0x20) == 0) {  // upper case: the image cannot be shown without it
      refuse(name, "the PNG chunk {} is unknown", quote(type));
    }
    at += chunk.size();
  }
  check_size(header, data_bytes, name);
  return kept;
}

/// Removes the alpha channel, over white. Blends the stored values, not the light that they represent, as
/// browsers, PIL and ImageMagick do: half-transparent black over white is 127.
void lay_over_white(Image& image) {
  const auto channels = static_cast<size_t>(image.channels);
  uint8_t* out = image.pixels.data();
  for (const uint8_t* in = out; in != image.pixels.data() + image.pixels.size(); in += channels + 1, out += channels) {
    const unsigned opacity = in[channels];
    for (size_t c = 0; c < channels; ++c) {
      out[c] = static_cast<uint8_t>((in[c] * opacity + 255 * (255 - opacity) + 127) / 255);
    }
  }
  image.pixels.resize(static_cast<size_t>(out - image.pixels.data()));
}

/// libpng's state of one image, freed in every case.
struct Png : png_image {
  Png() : png_image{} { version = PNG_IMAGE_VERSION; }
  ~Png() { png_image_free(this); }
  Png(const Png&) = delete;
  Png& operator=(const Png&) = delete;
};

}  // namespace

std::vector<std::byte> encode_png(const Image& image) {
  const bool valid = image.width > 0 && image.height > 0 && (image.channels == 1 || image.channels == 3);
  const uint64_t pixels =
      valid ? static_cast<uint64_t>(image.width) * static_cast<uint64_t>(image.height) : pixel_limit + 1;
  if (pixels > pixel_limit || image.pixels.size() != pixels * static_cast<uint64_t>(image.channels)) {
    throw ShapeError(
        fmt::format("an image of {} x {} with {} channels and {} bytes, expected 1 or 3 channels, at most "
                    "{} pixels, and a byte for each value",
                    image.width, image.height, image.channels, image.pixels.size(), pixel_limit));
  }
  Png png;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = image.channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(png);
  std::vector<std::byte> content(size);
  if (png_image_write_to_memory(&png, content.data(), &size, 0, image.pixels.data(), 0, nullptr) == 0) {
    throw Error(fmt::format("a PNG could not be written: {}", png.message));
  }
  content.resize(size);
  return content;
}

void write_png(const std::filesystem::path& path, const Image& image) {
  write_file_atomically(path, encode_png(image));
}

Image parse_png(Bytes data, const std::string& name) {
  const std::vector<std::byte> content = verified(data, name);
  Png png;
  if (png_image_begin_read_from_memory(&png, content.data(), content.size()) == 0) {
    refuse(name, "no valid PNG: {}", png.message);
  }
  const bool color = (png.format & PNG_FORMAT_FLAG_COLOR) != 0, alpha = (png.format & PNG_FORMAT_FLAG_ALPHA) != 0;
  png.format = color ? (alpha ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB) : (alpha ? PNG_FORMAT_GA : PNG_FORMAT_GRAY);
  png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  Image image{static_cast<int>(png.width), static_cast<int>(png.height), color ? 3 : 1, {}};
  image.pixels.resize(PNG_IMAGE_SIZE(png));
  if (png_image_finish_read(&png, nullptr, image.pixels.data(), 0, nullptr) == 0 || png.warning_or_error != 0) {
    refuse(name, "no valid PNG: {}", png.message);
  }
  if (alpha) lay_over_white(image);
  return image;
}

bool is_png(Bytes data) {
  return as_text(data).starts_with(signature) &&
         data.size() >= signature.size() + 25;  // the signature and the header chunk
}

Image read_png(const std::filesystem::path& path) {
  return parse_png(read_file(path, size_t{1} << 30), path.string());
}

}  // namespace kantor
